terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.80"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Application = "lariat"
      Deployment  = var.name
    }
  }
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  suffix    = data.aws_partition.this.dns_suffix

  # Where an API lies, by its id.
  api_host = var.emulator == "" ? "%s.execute-api.${var.region}.${local.suffix}" : "${var.emulator}/_aws/execute-api/%s"
}

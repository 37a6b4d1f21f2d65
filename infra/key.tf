# One key for all that is stored: the table, the logs, the alarms' topic, the functions' environment, and the data keys
# that seal clusters' credentials. Deleting it makes every backup unreadable.
resource "aws_kms_key" "this" {
  description             = "Lariat (${var.name}): table, logs, sealed credentials"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = jsonencode({ Version = "2012-10-17", Statement = local.key_policy })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}

locals {
  # In a key's policy "*" means the key itself.
  key_policy = [
    {
      Sid       = "PoliciesOfThisAccountDecide"
      Effect    = "Allow"
      Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
      Action    = "kms:*"
      Resource  = "*"
    },
    {
      Sid       = "LogsOfThisDeployment"
      Effect    = "Allow"
      Principal = { Service = "logs.${var.region}.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      Resource  = "*"
      Condition = {
        ArnLike = {
          "kms:EncryptionContext:aws:logs:arn" = [
            "arn:${local.partition}:logs:${var.region}:${local.account}:log-group:/aws/lambda/${var.name}-*",
            "arn:${local.partition}:logs:${var.region}:${local.account}:log-group:/${var.name}/*",
          ]
        }
      }
    },
    {
      Sid       = "AlarmsReachTheTopic"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
      Resource  = "*"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    },
  ]
}

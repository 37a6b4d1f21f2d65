# docs/decisions/0002-one-table.md has the keys and the reasons.
locals {
  table_name = coalesce(var.table, var.name)
}

resource "aws_dynamodb_table" "this" {
  name           = local.table_name
  billing_mode   = "PAY_PER_REQUEST"
  hash_key       = "pk"
  range_key      = "sk"
  stream_enabled = true
  # What a resource was, for those who are told that it is gone; nobody else reads the images.
  stream_view_type            = "OLD_IMAGE"
  deletion_protection_enabled = var.protect

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  point_in_time_recovery {
    enabled                 = true
    recovery_period_in_days = var.backup_days
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.this.arn
  }
}

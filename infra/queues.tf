# Queues carry keys of resources and nothing else, so the encryption that SQS has by itself is enough.
locals {
  # Where the messages end up that nobody could handle. An alarm watches each; docs/operations/deploy.md says what to do.
  dead_queues = {
    work      = "keys whose controller failed again and again"
    changes   = "positions in the table's stream that could not be handled"
    schedules = "scheduled runs that failed"
  }
}

resource "aws_sqs_queue" "work" {
  name = "${var.name}-work"
  # A message comes back after this time if the function that took it died.
  visibility_timeout_seconds = 6 * local.functions.work.timeout
  message_retention_seconds  = 4 * 24 * 3600
  sqs_managed_sse_enabled    = true
}

# By itself, so that functions need not wait for the two queues one after the other: the provider takes half a minute each.
resource "aws_sqs_queue_redrive_policy" "work" {
  queue_url = aws_sqs_queue.work.id

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead["work"].arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "dead" {
  for_each = local.dead_queues

  name                      = "${var.name}-${each.key}-dead"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead["work"].id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = ["arn:${local.partition}:sqs:${var.region}:${local.account}:${var.name}-work"]
  })
}

resource "aws_sqs_queue_policy" "tls" {
  for_each = merge({ live = aws_sqs_queue.work }, aws_sqs_queue.dead)

  queue_url = each.value.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyOverTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = each.value.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = aws_kms_key.this.arn
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alarm_email == "" ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

locals {
  function_alarms = merge([
    for name, function in local.function_names : {
      "${name}-errors" = {
        about      = "The function ${function} fails. Read its log."
        namespace  = "AWS/Lambda", metric = "Errors", statistic = "Sum", threshold = 5, periods = 1
        dimensions = { FunctionName = function }
      }
      "${name}-throttles" = {
        about      = "Lambda refuses runs of ${function}: its concurrency, or the account's, is used up."
        namespace  = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 1, periods = 2
        dimensions = { FunctionName = function }
      }
    }
  ]...)

  dead_alarms = {
    for name, about in local.dead_queues : "${name}-dead" => {
      about      = "Something waits in ${var.name}-${name}-dead: ${about}."
      namespace  = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 1, periods = 1
      dimensions = { QueueName = "${var.name}-${name}-dead" }
    }
  }

  other_alarms = {
    "work-age" = {
      about      = "Keys wait for more than five minutes for the function ${local.function_names.work}."
      namespace  = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", threshold = 300, periods = 1
      dimensions = { QueueName = "${var.name}-work" }
    }
    "changes-age" = {
      about      = "Changes of the table wait for more than a minute; controllers react late."
      namespace  = "AWS/Lambda", metric = "IteratorAge", statistic = "Maximum", threshold = 60000, periods = 1
      dimensions = { FunctionName = local.function_names.changes, Resource = "${local.function_names.changes}:${local.alias}" }
    }
    "rest-5xx" = {
      about      = "More than one in a hundred requests to the REST API fails in the server."
      namespace  = "AWS/ApiGateway", metric = "5XXError", statistic = "Average", threshold = 0.01, periods = 2
      dimensions = { ApiName = "${var.name}-rest", Stage = local.stage }
    }
    "socket-errors" = {
      about      = "More than one in a hundred messages to the WebSocket API fails in the server."
      namespace  = "AWS/ApiGateway", metric = "IntegrationError", statistic = "Average", threshold = 0.01, periods = 2
      dimensions = { ApiId = aws_apigatewayv2_api.socket.id, Stage = local.stage }
    }
    "table-read-throttles" = {
      about      = "DynamoDB throttles reads: one kind is read too often (docs/decisions/0002-one-table.md)."
      namespace  = "AWS/DynamoDB", metric = "ReadThrottleEvents", statistic = "Sum", threshold = 1, periods = 2
      dimensions = { TableName = local.table_name }
    }
    "table-write-throttles" = {
      about      = "DynamoDB throttles writes: one kind is written too often (docs/decisions/0002-one-table.md)."
      namespace  = "AWS/DynamoDB", metric = "WriteThrottleEvents", statistic = "Sum", threshold = 1, periods = 2
      dimensions = { TableName = local.table_name }
    }
  }

  alarms = merge(local.function_alarms, local.dead_alarms, local.other_alarms)
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.about
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

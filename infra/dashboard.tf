locals {
  # Each entry is a graph: its title, how values of a period are put together, and what it shows.
  graphs = [
    {
      title = "Requests and errors (REST)", statistic = "Sum"
      metrics = [for metric in ["Count", "4XXError", "5XXError"] :
      ["AWS/ApiGateway", metric, "ApiName", "${var.name}-rest", "Stage", local.stage]]
    },
    {
      title = "Milliseconds to answer (REST)", statistic = "p95"
      metrics = [for metric in ["Latency", "IntegrationLatency"] :
      ["AWS/ApiGateway", metric, "ApiName", "${var.name}-rest", "Stage", local.stage]]
    },
    {
      title = "Connections and messages (WebSocket)", statistic = "Sum"
      metrics = [for metric in ["ConnectCount", "MessageCount", "IntegrationError", "ExecutionError"] :
      ["AWS/ApiGateway", metric, "ApiId", aws_apigatewayv2_api.socket.id, "Stage", local.stage]]
    },
    {
      title   = "Runs by function", statistic = "Sum"
      metrics = [for function in values(local.function_names) : ["AWS/Lambda", "Invocations", "FunctionName", function]]
    },
    {
      title   = "Errors by function", statistic = "Sum"
      metrics = [for function in values(local.function_names) : ["AWS/Lambda", "Errors", "FunctionName", function]]
    },
    {
      title   = "Milliseconds by function", statistic = "p95"
      metrics = [for function in values(local.function_names) : ["AWS/Lambda", "Duration", "FunctionName", function]]
    },
    {
      title   = "Runs at once", statistic = "Maximum"
      metrics = [for function in values(local.function_names) : ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", function]]
    },
    {
      title = "Table: units used and throttled", statistic = "Sum"
      metrics = [
        for metric in ["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"] :
        ["AWS/DynamoDB", metric, "TableName", local.table_name]
      ]
    },
    {
      title = "Keys: what came of them", statistic = "Sum"
      metrics = [for outcome in ["Done", "Again", "Temporary", "Permanent"] :
      ["Lariat", "Keys${outcome}", "handler", "work", "service", var.name]]
    },
    {
      title   = "Keys: seconds in the queue", statistic = "p95"
      metrics = [["Lariat", "KeyWait", "handler", "work", "service", var.name]]
    },
    {
      title = "Queues: messages that wait", statistic = "Maximum"
      metrics = [
        for queue in concat(["work"], [for name in keys(local.dead_queues) : "${name}-dead"]) :
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.name}-${queue}"]
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [
      for index, graph in local.graphs : {
        type   = "metric"
        x      = index % 3 * 8
        y      = floor(index / 3) * 6
        width  = 8
        height = 6
        properties = {
          title   = graph.title
          region  = var.region
          stat    = graph.statistic
          period  = 300
          metrics = graph.metrics
        }
      }
    ]
  })
}

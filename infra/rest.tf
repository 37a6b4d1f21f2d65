# Few and greedy routes: app.py decides what a path means. tests/infra/test_routes.py compares them with app.py.
locals {
  rest_routes = {
    "/"                                = aws_api_gateway_rest_api.this.root_resource_id
    "/{proxy+}"                        = aws_api_gateway_resource.any.id
    "/k8s/clusters/{cluster}/{proxy+}" = aws_api_gateway_resource.k8s_tail.id
  }

  stage = "live"

  rest_host = format(local.api_host, aws_api_gateway_rest_api.this.id)
  rest_name = try(var.cloudfront.domain, var.domains.rest, "${local.rest_host}/${local.stage}")
  rest_url  = "https://${local.rest_name}"
}

resource "aws_api_gateway_rest_api" "this" {
  name        = "${var.name}-rest"
  description = "Lariat: the v3 API, and Kubernetes behind /k8s/clusters/<id>"
  # Bodies pass unchanged in both directions.
  binary_media_types = ["*/*"]

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_resource" "any" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_rest_api.this.root_resource_id
  path_part   = "{proxy+}"
}

resource "aws_api_gateway_resource" "k8s" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_rest_api.this.root_resource_id
  path_part   = "k8s"
}

resource "aws_api_gateway_resource" "k8s_clusters" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.k8s.id
  path_part   = "clusters"
}

resource "aws_api_gateway_resource" "k8s_cluster" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.k8s_clusters.id
  path_part   = "{cluster}"
}

resource "aws_api_gateway_resource" "k8s_tail" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.k8s_cluster.id
  path_part   = "{proxy+}"
}

# The caller proves who they are by a token that the function checks, so API Gateway authorizes nobody.
resource "aws_api_gateway_method" "any" {
  for_each = local.rest_routes

  rest_api_id   = aws_api_gateway_rest_api.this.id
  resource_id   = each.value
  http_method   = "ANY"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "any" {
  for_each = local.rest_routes

  rest_api_id             = aws_api_gateway_rest_api.this.id
  resource_id             = each.value
  http_method             = aws_api_gateway_method.any[each.key].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_alias.live["app"].invoke_arn
}

resource "aws_lambda_permission" "rest" {
  statement_id  = "rest"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["app"].function_name
  qualifier     = aws_lambda_alias.live["app"].name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.this.execution_arn}/${local.stage}/*"
}

# What API Gateway answers by itself looks like the API's own errors.
locals {
  # Lambda takes events of 6 MB, with the body in base64 and the headers around it; API Gateway alone would take 10 MB.
  too_large = "the request is too large: at most 4.4 MB fit"

  gateway_errors = {
    DEFAULT_4XX                  = { status = null, code = "ClientError", message = null, retry = false }
    DEFAULT_5XX                  = { status = null, code = "ServerError", message = null, retry = true }
    INTEGRATION_TIMEOUT          = { status = "504", code = "Timeout", message = "no answer within 29 seconds", retry = true }
    MISSING_AUTHENTICATION_TOKEN = { status = "404", code = "NotFound", message = null, retry = false }
    REQUEST_TOO_LARGE            = { status = "413", code = "RequestTooLarge", message = local.too_large, retry = false }
    THROTTLED                    = { status = "429", code = "TooManyRequests", message = null, retry = true }
  }
}

resource "aws_api_gateway_gateway_response" "this" {
  for_each = local.gateway_errors

  rest_api_id   = aws_api_gateway_rest_api.this.id
  response_type = each.key
  status_code   = each.value.status

  response_parameters = each.value.retry ? { "gatewayresponse.header.Retry-After" = "'1'" } : {}

  response_templates = {
    "application/json" = join("", [
      "{\"type\":\"error\",",
      each.value.status == null ? "" : "\"status\":${each.value.status},",
      "\"code\":\"${each.value.code}\",",
      "\"message\":${each.value.message == null ? "$context.error.messageString" : jsonencode(each.value.message)}}",
    ])
  }
}

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id

  triggers = {
    contents = sha256(jsonencode([
      filesha256("${path.module}/rest.tf"),
      local.rest_routes,
      aws_lambda_alias.live["app"].invoke_arn,
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [
    aws_api_gateway_gateway_response.this,
    aws_api_gateway_integration.any,
  ]
}

resource "aws_api_gateway_stage" "this" {
  rest_api_id          = aws_api_gateway_rest_api.this.id
  deployment_id        = aws_api_gateway_deployment.this.id
  stage_name           = local.stage
  xray_tracing_enabled = true

  # Neither paths, queries nor headers: an import URL's path and many headers are secrets.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.this["rest"].arn
    format = jsonencode({
      time               = "$context.requestTime"
      request            = "$context.requestId"
      trace              = "$context.xrayTraceId"
      method             = "$context.httpMethod"
      route              = "$context.resourcePath"
      status             = "$context.status"
      bytes              = "$context.responseLength"
      milliseconds       = "$context.responseLatency"
      functionRequest    = "$context.integration.requestId"
      functionStatus     = "$context.integration.status"
      functionDurationMs = "$context.integration.latency"
      client             = "$context.identity.sourceIp"
      agent              = "$context.identity.userAgent"
      error              = "$context.error.responseType"
    })
  }

  depends_on = [aws_api_gateway_account.this]
}

resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.this.stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = var.rest_throttle.rate
    throttling_burst_limit = var.rest_throttle.burst
    metrics_enabled        = true
    # Execution logs would hold headers and bodies.
    logging_level      = "OFF"
    data_trace_enabled = false
  }
}

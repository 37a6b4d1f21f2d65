# Agents, the `lariat` command and waiting functions connect here. app.py checks the token in $connect.
locals {
  # tests/infra/test_routes.py compares them with app.py.
  socket_routes = {
    "$connect"    = "connect"
    "$disconnect" = "disconnect"
    "$default"    = "message"
  }

  socket_host = format(local.api_host, aws_apigatewayv2_api.socket.id)
  # Where @connections is called: never by a domain of one's own.
  socket_endpoint = "https://${local.socket_host}/${local.stage}"
  socket_name = try(
    "${var.cloudfront.domain}${local.cloudfront_socket_path}", var.domains.socket, "${local.socket_host}/${local.stage}",
  )
  socket_url = "wss://${local.socket_name}"
}

resource "aws_apigatewayv2_api" "socket" {
  name                       = "${var.name}-socket"
  description                = "Lariat: tunnels of agents, and streams"
  protocol_type              = "WEBSOCKET"
  route_selection_expression = "$request.body.action"
}

resource "aws_apigatewayv2_integration" "socket" {
  for_each = local.socket_routes

  api_id             = aws_apigatewayv2_api.socket.id
  integration_type   = "AWS_PROXY"
  integration_method = "POST"
  integration_uri    = aws_lambda_alias.live[each.value].invoke_arn
}

resource "aws_apigatewayv2_route" "socket" {
  for_each = local.socket_routes

  api_id             = aws_apigatewayv2_api.socket.id
  route_key          = each.key
  authorization_type = "NONE"
  target             = "integrations/${aws_apigatewayv2_integration.socket[each.key].id}"
}

# Agents' signs of life only keep their connections open: nothing runs for them, and nothing is answered.
resource "aws_apigatewayv2_integration" "ping" {
  api_id                        = aws_apigatewayv2_api.socket.id
  integration_type              = "MOCK"
  template_selection_expression = "200"
  request_templates             = { "200" = jsonencode({ statusCode = 200 }) }
}

resource "aws_apigatewayv2_route" "ping" {
  api_id             = aws_apigatewayv2_api.socket.id
  route_key          = "ping"
  authorization_type = "NONE"
  target             = "integrations/${aws_apigatewayv2_integration.ping.id}"
}

resource "aws_lambda_permission" "socket" {
  for_each = local.socket_routes

  statement_id  = "socket"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this[each.value].function_name
  qualifier     = aws_lambda_alias.live[each.value].name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.socket.execution_arn}/${local.stage}/${each.key}"
}

resource "aws_apigatewayv2_stage" "socket" {
  api_id      = aws_apigatewayv2_api.socket.id
  name        = local.stage
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit    = var.socket_throttle.rate
    throttling_burst_limit   = var.socket_throttle.burst
    detailed_metrics_enabled = true
    # Execution logs would hold headers and messages.
    logging_level      = "OFF"
    data_trace_enabled = false
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.this["socket"].arn
    format = jsonencode({
      time            = "$context.requestTime"
      request         = "$context.requestId"
      connection      = "$context.connectionId"
      event           = "$context.eventType"
      route           = "$context.routeKey"
      status          = "$context.status"
      functionRequest = "$context.integration.requestId"
      functionStatus  = "$context.integration.status"
      functionError   = "$context.integrationErrorMessage"
      client          = "$context.identity.sourceIp"
      agent           = "$context.identity.userAgent"
    })
  }

  depends_on = [aws_api_gateway_account.this, aws_apigatewayv2_route.socket, aws_apigatewayv2_route.ping]
}

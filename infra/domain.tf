# Names of one's own, both optional: `domains` (a name for each API) or `cloudfront` (one name for both).
locals {
  domains = var.domains == null ? {} : {
    rest   = { name = var.domains.rest, api = aws_api_gateway_rest_api.this.id, stage = aws_api_gateway_stage.this.stage_name }
    socket = { name = var.domains.socket, api = aws_apigatewayv2_api.socket.id, stage = aws_apigatewayv2_stage.socket.id }
  }
  domain_targets = {
    for name, domain in aws_apigatewayv2_domain_name.this : domain.domain_name => domain.domain_name_configuration[0]
  }

  cloudfront_count       = var.cloudfront == null ? 0 : 1
  cloudfront_socket_path = "/v3/connect"
}

# API Gateway's second interface names both kinds of APIs.
resource "aws_apigatewayv2_domain_name" "this" {
  for_each = local.domains

  domain_name = each.value.name

  domain_name_configuration {
    certificate_arn = var.domains.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "this" {
  for_each = local.domains

  api_id      = each.value.api
  stage       = each.value.stage
  domain_name = aws_apigatewayv2_domain_name.this[each.key].domain_name
}

resource "aws_route53_record" "domain" {
  for_each = try(var.domains.zone_id, null) == null ? {} : local.domains

  zone_id = var.domains.zone_id
  name    = each.value.name
  type    = "A"

  alias {
    name                   = local.domain_targets[each.value.name].target_domain_name
    zone_id                = local.domain_targets[each.value.name].hosted_zone_id
    evaluate_target_health = false
  }
}

# Tells the server the name that was asked for, which API Gateway can't be sent as Host. A caller's own claim about it is
# overwritten. API Gateway takes WebSockets at the stage's root alone.
resource "aws_cloudfront_function" "request" {
  count = local.cloudfront_count

  name    = "${var.name}-request"
  comment = "Lariat: the caller's host, and the WebSocket API's path"
  runtime = "cloudfront-js-2.0"
  publish = true

  code = <<-CODE
    function handler(event) {
      var request = event.request;
      request.headers['x-forwarded-host'] = { value: request.headers.host.value };
      if (request.uri === '${local.cloudfront_socket_path}') {
        request.uri = '/';
      }
      return request;
    }
  CODE
}

data "aws_cloudfront_cache_policy" "none" {
  count = local.cloudfront_count

  name = "Managed-CachingDisabled"
}

data "aws_cloudfront_origin_request_policy" "all" {
  count = local.cloudfront_count

  name = "Managed-AllViewerExceptHostHeader"
}

resource "aws_cloudfront_distribution" "this" {
  count = local.cloudfront_count

  comment         = "Lariat (${var.name})"
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = var.cloudfront.price_class
  aliases         = [var.cloudfront.domain]

  dynamic "origin" {
    for_each = { rest = local.rest_host, socket = local.socket_host }

    content {
      origin_id   = origin.key
      domain_name = origin.value
      origin_path = "/${local.stage}"

      custom_origin_config {
        http_port                = 80
        https_port               = 443
        origin_protocol_policy   = "https-only"
        origin_ssl_protocols     = ["TLSv1.2"]
        origin_read_timeout      = 30
        origin_keepalive_timeout = 5
      }
    }
  }

  default_cache_behavior {
    target_origin_id         = "rest"
    viewer_protocol_policy   = "https-only"
    allowed_methods          = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods           = ["GET", "HEAD"]
    cache_policy_id          = data.aws_cloudfront_cache_policy.none[0].id
    origin_request_policy_id = data.aws_cloudfront_origin_request_policy.all[0].id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.request[0].arn
    }
  }

  ordered_cache_behavior {
    path_pattern             = local.cloudfront_socket_path
    target_origin_id         = "socket"
    viewer_protocol_policy   = "https-only"
    allowed_methods          = ["GET", "HEAD"]
    cached_methods           = ["GET", "HEAD"]
    cache_policy_id          = data.aws_cloudfront_cache_policy.none[0].id
    origin_request_policy_id = data.aws_cloudfront_origin_request_policy.all[0].id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.request[0].arn
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.cloudfront.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

resource "aws_route53_record" "cloudfront" {
  for_each = try(var.cloudfront.zone_id, null) == null ? toset([]) : toset(["A", "AAAA"])

  zone_id = var.cloudfront.zone_id
  name    = var.cloudfront.domain
  type    = each.key

  alias {
    name                   = aws_cloudfront_distribution.this[0].domain_name
    zone_id                = aws_cloudfront_distribution.this[0].hosted_zone_id
    evaluate_target_health = false
  }
}

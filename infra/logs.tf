# Where functions and APIs write. What an API logs stands with its stage (rest.tf, socket.tf).
locals {
  log_names = merge(
    { for name, function in local.function_names : name => "/aws/lambda/${function}" },
    { for api in ["rest", "socket"] : api => "/${var.name}/${api}" },
  )
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.log_names

  name              = each.value
  retention_in_days = var.log_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_api_gateway_account" "this" {
  count = var.gateway_log_role ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.this["gateway"].arn

  depends_on = [aws_iam_role_policy.this]
}

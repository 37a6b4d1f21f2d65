output "url" {
  description = "Where people, clients and agents reach the server."
  value       = local.rest_url
}

output "socket_url" {
  description = "Where agents keep their tunnels."
  value       = local.socket_url
}

output "region" {
  description = "Where everything is."
  value       = var.region
}

output "table" {
  description = "The table that holds everything."
  value       = aws_dynamodb_table.this.name
}

output "key" {
  description = "The key that everything is encrypted with."
  value       = aws_kms_key.this.arn
}

output "queue" {
  description = "The work queue."
  value       = aws_sqs_queue.work.url
}

output "dead_queues" {
  description = "Queues of what nobody could handle; they should be empty."
  value       = { for name, queue in aws_sqs_queue.dead : name => queue.url }
}

output "functions" {
  description = "Functions, and the version that serves."
  value       = { for name, alias in aws_lambda_alias.live : alias.function_name => alias.function_version }
}

output "alarm_topic" {
  description = "Subscribe to it what should hear alarms."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard" {
  description = "The dashboard."
  value       = "https://${var.region}.console.${local.suffix == "amazonaws.com" ? "aws.amazon.com" : local.suffix}/cloudwatch/home?region=${var.region}#dashboards:name=${var.name}"
}

output "records" {
  description = "DNS records to make where no zone_id was given: name and target."
  value = merge(
    try(var.domains.zone_id, null) != null ? {} : {
      for name, target in local.domain_targets : name => target.target_domain_name
    },
    try(var.cloudfront.zone_id, null) != null || var.cloudfront == null ? {} : {
      (var.cloudfront.domain) = aws_cloudfront_distribution.this[0].domain_name
    },
  )
}

output "log_in" {
  description = "Logs in and prints a token; type the password when asked."
  value       = "read -rsp 'Password: ' password && curl -sS '${local.rest_url}/v3-public/localProviders/local?action=login' -d \"{\\\"username\\\": \\\"admin\\\", \\\"password\\\": \\\"$password\\\"}\""
}

output "bootstrap" {
  description = "Creates the first administrator, once, and prints a password for them."
  value       = "aws lambda invoke --region ${var.region} --function-name ${aws_lambda_alias.live["resync"].arn} --cli-binary-format raw-in-base64-out --payload '{\"bootstrap\": {}}' /dev/stdout"
}

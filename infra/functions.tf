# Every function is a handler of app.py in the same zip. Each apply with a new zip or setting publishes a version and
# moves the alias `live` to it: requests in flight end on the old version.
locals {
  # Reserved concurrency: `app` waits for answers that `message` delivers. Had `message` nothing of its own, many waiting
  # requests would take every slot of the account, and no answer could reach any of them.
  default_functions = {
    app        = { handler = "app.app", memory = 1024, timeout = 29, concurrency = -1 }
    connect    = { handler = "app.connect", memory = 512, timeout = 10, concurrency = 50 }
    disconnect = { handler = "app.disconnect", memory = 512, timeout = 10, concurrency = 20 }
    message    = { handler = "app.message", memory = 512, timeout = 10, concurrency = 200 }
    work       = { handler = "app.work", memory = 512, timeout = 60, concurrency = 20 }
    changes    = { handler = "app.changes", memory = 256, timeout = 30, concurrency = 10 }
    resync     = { handler = "app.resync", memory = 512, timeout = 300, concurrency = 1 }
    sweep      = { handler = "app.sweep", memory = 512, timeout = 120, concurrency = 1 }
  }

  functions = {
    for name, function in local.default_functions : name => merge(
      function,
      { for setting, value in try(var.sizes[name], {}) : setting => value if value != null },
    )
  }

  alias          = "live"
  function_names = { for name in keys(local.functions) : name => "${var.name}-${name}" }
  function_arns = {
    for name, function in local.function_names :
    name => "arn:${local.partition}:lambda:${var.region}:${local.account}:function:${function}"
  }

  environment = {
    LARIAT_TABLE            = aws_dynamodb_table.this.name
    LARIAT_QUEUE_URL        = aws_sqs_queue.work.url
    LARIAT_KMS_KEY          = aws_kms_key.this.arn
    LARIAT_URL              = local.rest_url
    LARIAT_SOCKET_URL       = local.socket_url
    LARIAT_SOCKET_ENDPOINT  = local.socket_endpoint
    LARIAT_SECRET           = join(" ", [for version in local.secret_versions : terraform_data.secret[version].output])
    LARIAT_LOG_LEVEL        = var.log_level
    LARIAT_AUDIT_LEVEL      = tostring(var.audit_level)
    POWERTOOLS_SERVICE_NAME = var.name
  }
}

# The secrets that sign reply tokens: the present one signs, and its neighbours are accepted too. So raising
# secret_version breaks nothing: the running version already accepts the next secret, the new one still the last.
# They live in the state and in the functions' environment, both encrypted.
locals {
  secret_versions = [for version in [var.secret_version, var.secret_version - 1, var.secret_version + 1] : tostring(version)]
}

resource "terraform_data" "secret" {
  for_each = toset(local.secret_versions)

  input = sensitive(sha256("${uuid()}${uuid()}"))

  lifecycle {
    ignore_changes = [input]
  }
}

resource "aws_lambda_function" "this" {
  for_each = local.functions

  function_name                  = local.function_names[each.key]
  description                    = "Lariat: ${each.value.handler}"
  role                           = aws_iam_role.this[each.key].arn
  runtime                        = var.runtime
  architectures                  = [var.architecture]
  handler                        = each.value.handler
  filename                       = var.package
  source_code_hash               = filebase64sha256(var.package)
  memory_size                    = each.value.memory
  timeout                        = each.value.timeout
  reserved_concurrent_executions = var.reserve_concurrency ? each.value.concurrency : -1
  publish                        = true
  kms_key_arn                    = aws_kms_key.this.arn

  environment {
    variables = local.environment
  }

  tracing_config {
    mode = "Active"
  }

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}

resource "aws_lambda_alias" "live" {
  for_each = aws_lambda_function.this

  name             = local.alias
  description      = "What the APIs, queues and schedules call"
  function_name    = each.value.function_name
  function_version = each.value.version
}

resource "aws_lambda_event_source_mapping" "work" {
  event_source_arn        = aws_sqs_queue.work.arn
  function_name           = aws_lambda_alias.live["work"].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  # Without this limit SQS takes messages that the function's reserved concurrency then refuses, and counts them as tries.
  scaling_config {
    maximum_concurrency = max(2, local.functions.work.concurrency)
  }
}

resource "aws_lambda_event_source_mapping" "changes" {
  event_source_arn                   = aws_dynamodb_table.this.stream_arn
  function_name                      = aws_lambda_alias.live["changes"].arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 100
  maximum_batching_window_in_seconds = 0
  parallelization_factor             = 2
  bisect_batch_on_function_error     = true
  maximum_record_age_in_seconds      = 3600
  maximum_retry_attempts             = 10
  function_response_types            = ["ReportBatchItemFailures"]

  # Names and places (claims), tokens and heartbeats wake nobody. What a filter drops is not billed.
  filter_criteria {
    filter {
      pattern = jsonencode({ dynamodb = { Keys = { pk = { S = var.watched_kinds } } } })
    }
  }

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.dead["changes"].arn
    }
  }
}

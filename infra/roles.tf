# A role of its own for each function, with what its handler does and no more. Policies are written here: AWS's managed
# ones allow too much. tests/infra/test_policy.py has the short list of what may be "*".
locals {
  key_arn    = aws_kms_key.this.arn
  table_arn  = aws_dynamodb_table.this.arn
  socket_arn = "${aws_apigatewayv2_api.socket.execution_arn}/${local.stage}"

  rights = {
    read = {
      Action   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"]
      Resource = [local.table_arn]
    }
    # Transactions are allowed by the actions that they consist of.
    write = {
      Action   = ["dynamodb:DeleteItem", "dynamodb:PutItem"]
      Resource = [local.table_arn]
    }
    # The table is encrypted on behalf of whoever reads or writes it.
    table_key = {
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource  = [local.key_arn]
      Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${var.region}.${local.suffix}" } }
    }
    seal = {
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [local.key_arn]
    }
    stream = {
      Action = [
        "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
      ]
      Resource = ["${local.table_arn}/stream/*"]
    }
    enqueue = {
      Action   = ["sqs:SendMessage"]
      Resource = [aws_sqs_queue.work.arn]
    }
    dequeue = {
      Action = [
        "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
      ]
      Resource = [aws_sqs_queue.work.arn]
    }
    changes_dead = {
      Action   = ["sqs:SendMessage"]
      Resource = [aws_sqs_queue.dead["changes"].arn]
    }
    schedules_dead = {
      Action   = ["sqs:SendMessage"]
      Resource = [aws_sqs_queue.dead["schedules"].arn]
    }
    relay = {
      Action   = ["execute-api:ManageConnections"]
      Resource = ["${local.socket_arn}/POST/@connections/*"]
    }
    hang_up = {
      Action   = ["execute-api:ManageConnections"]
      Resource = ["${local.socket_arn}/DELETE/@connections/*"]
    }
  }

  function_rights = {
    app        = ["read", "write", "table_key", "seal", "relay"]
    connect    = ["read", "write", "table_key", "enqueue"]
    disconnect = ["read", "write", "table_key", "enqueue"]
    message    = ["read", "write", "table_key", "relay"]
    work       = ["read", "write", "table_key", "relay", "hang_up", "enqueue", "dequeue"]
    changes    = ["stream", "table_key", "enqueue", "changes_dead"]
    # Writes only to create the first administrator.
    resync = ["read", "write", "table_key", "enqueue", "schedules_dead"]
    sweep  = ["read", "table_key", "enqueue", "schedules_dead"]
  }
}

resource "aws_iam_role" "function" {
  for_each = local.functions

  name        = "${var.name}-${each.key}-${var.region}"
  description = "Lariat: the function ${local.function_names[each.key]}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.function_rights

  name = "function"
  role = aws_iam_role.function[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
        },
        {
          Effect    = "Allow"
          Action    = ["kms:Decrypt"]
          Resource  = [local.key_arn]
          Condition = { StringEquals = { "kms:EncryptionContext:aws:lambda:FunctionArn" = local.function_arns[each.key] } }
        },
        {
          # X-Ray has no resources to name.
          Effect   = "Allow"
          Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
          Resource = ["*"]
        },
      ],
      [for right in each.value : merge({ Effect = "Allow" }, local.rights[right])],
    )
  })
}

resource "aws_iam_role" "scheduler" {
  name        = "${var.name}-scheduler-${var.region}"
  description = "Lariat: the schedules"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  name = "scheduler"
  role = aws_iam_role.scheduler.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [for name in keys(local.schedules) : aws_lambda_alias.live[name].arn]
      },
      {
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [aws_sqs_queue.dead["schedules"].arn]
      },
    ]
  })
}

# One per account and region, for the access logs of all its APIs.
resource "aws_iam_role" "gateway" {
  count = var.gateway_log_role ? 1 : 0

  name        = "${var.name}-gateway-${var.region}"
  description = "API Gateway's access logs"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "apigateway.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "gateway" {
  count = var.gateway_log_role ? 1 : 0

  name = "gateway"
  role = aws_iam_role.gateway[0].id

  # API Gateway refuses a role without these actions, which AWS gives for every log group. It is AWS's own service role.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = [
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams",
        "logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents",
      ]
      Resource = ["*"]
    }]
  })
}

resource "aws_api_gateway_account" "this" {
  count = var.gateway_log_role ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.gateway[0].arn

  depends_on = [aws_iam_role_policy.gateway]
}

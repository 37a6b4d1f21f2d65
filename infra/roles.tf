# A role of its own for each function, with what its handler does and no more, and for each service that acts for this
# deployment. Policies are written here: AWS's managed ones allow too much. tests/infra/test_policy.py has the short list of
# what may be "*".
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
    connect    = ["read", "write", "table_key", "enqueue", "hang_up"]
    disconnect = ["read", "write", "table_key", "enqueue"]
    message    = ["read", "write", "table_key", "relay"]
    # Opens what identity providers are configured with, to ask them about their users, and what projects have as secrets.
    work    = ["read", "write", "table_key", "seal", "relay", "hang_up", "enqueue", "dequeue"]
    changes = ["stream", "read", "write", "table_key", "relay", "hang_up", "enqueue", "changes_dead"]
    # Writes only to create the first administrator.
    resync = ["read", "write", "table_key", "enqueue", "schedules_dead"]
    sweep  = ["read", "table_key", "enqueue", "schedules_dead"]
  }
}

locals {
  function_roles = {
    for name, rights in local.function_rights : name => {
      service   = "lambda"
      about     = "Lariat: the function ${local.function_names[name]}"
      condition = {}
      statements = concat(
        [
          {
            Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
            Resource = ["${aws_cloudwatch_log_group.this[name].arn}:*"]
          },
          {
            Action    = ["kms:Decrypt"]
            Resource  = [local.key_arn]
            Condition = { StringEquals = { "kms:EncryptionContext:aws:lambda:FunctionArn" = local.function_arns[name] } }
          },
          {
            # X-Ray has no resources to name.
            Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
            Resource = ["*"]
          },
        ],
        [for right in rights : local.rights[right]],
      )
    }
  }

  service_roles = {
    scheduler = {
      service   = "scheduler"
      about     = "Lariat: the schedules"
      condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      statements = [
        {
          Action   = ["lambda:InvokeFunction"]
          Resource = [for name in keys(local.schedules) : "${local.function_arns[name]}:${local.alias}"]
        },
        {
          Action   = ["sqs:SendMessage"]
          Resource = [aws_sqs_queue.dead["schedules"].arn]
        },
      ]
    }
    # One per account and region, for the access logs of all its APIs. API Gateway refuses a role without these actions,
    # which AWS gives for every log group: it is AWS's own service role.
    gateway = {
      service   = "apigateway"
      about     = "API Gateway's access logs"
      condition = {}
      statements = [
        {
          Action = [
            "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams",
            "logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents",
          ]
          Resource = ["*"]
        },
      ]
    }
  }

  roles = merge(
    local.function_roles,
    { for name, role in local.service_roles : name => role if name != "gateway" || var.gateway_log_role },
  )
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name        = "${var.name}-${each.key}-${var.region}"
  description = each.value.about

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(
      { Effect = "Allow", Principal = { Service = "${each.value.service}.amazonaws.com" }, Action = "sts:AssumeRole" },
      length(each.value.condition) == 0 ? {} : { Condition = each.value.condition },
    )]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.roles

  name = "rights"
  role = aws_iam_role.this[each.key].id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in each.value.statements : merge({ Effect = "Allow" }, statement)]
  })
}

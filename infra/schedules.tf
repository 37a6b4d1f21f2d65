locals {
  schedules = {
    resync = var.resync_schedule
    sweep  = var.sweep_schedule
  }
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.schedules

  name                = "${var.name}-${each.key}"
  schedule_expression = each.value

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_alias.live[each.key].arn
    role_arn = aws_iam_role.this["scheduler"].arn
    input    = jsonencode({ schedule = each.key })

    retry_policy {
      maximum_event_age_in_seconds = 300
      maximum_retry_attempts       = 2
    }

    dead_letter_config {
      arn = aws_sqs_queue.dead["schedules"].arn
    }
  }
}

# The schedule hands its event to Lambda and is done; what happens when the function fails is decided here.
resource "aws_lambda_function_event_invoke_config" "scheduled" {
  for_each = local.schedules

  function_name                = aws_lambda_function.this[each.key].function_name
  qualifier                    = aws_lambda_alias.live[each.key].name
  maximum_event_age_in_seconds = 300
  maximum_retry_attempts       = 1

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead["schedules"].arn
    }
  }
}

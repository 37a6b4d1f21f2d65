variable "region" {
  description = "AWS region of everything but CloudFront's certificate."
  type        = string
  default     = "us-east-1"
}

variable "name" {
  description = "Prefix of every name. Two deployments in one account and region need two names."
  type        = string
  default     = "lariat"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}$", var.name))
    error_message = "The name takes 2 to 25 small letters, digits and dashes, and starts with a letter."
  }
}

variable "package" {
  description = "The zip that `make package` builds, relative to this folder or absolute."
  type        = string
  default     = "../build/lariat.zip"
}

variable "runtime" {
  description = "Lambda runtime; the package must have been built for it."
  type        = string
  default     = "python3.13"
}

variable "architecture" {
  description = "Lambda processor; the package must have been built for it."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Lambda runs on arm64 or x86_64."
  }
}

variable "sizes" {
  description = "What differs from the defaults in functions.tf, by function: memory in MB, timeout in seconds, reserved concurrency (-1: none)."
  type = map(object({
    memory      = optional(number)
    timeout     = optional(number)
    concurrency = optional(number)
  }))
  default = {}

  validation {
    condition     = alltrue([for name in keys(var.sizes) : contains(["app", "connect", "disconnect", "message", "work", "changes", "resync", "sweep"], name)])
    error_message = "There is no such function."
  }
}

variable "reserve_concurrency" {
  description = "Reserve concurrency for functions. Off only where the account's limit is too small; see docs/operations/deploy.md."
  type        = bool
  default     = true
}

variable "log_level" {
  description = "debug, info, warning or error."
  type        = string
  default     = "info"
}

variable "audit_level" {
  description = "The audit log, in the log groups of the functions `app` and, for streams, `message`: 0 none, 1 who did what, 2 with what was sent, 3 with the answers."
  type        = number
  default     = 0

  validation {
    condition     = contains([0, 1, 2, 3], var.audit_level)
    error_message = "The level is 0, 1, 2 or 3."
  }
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}

variable "secret_version" {
  description = "Raise it by one for the next secret of reply tokens; see docs/operations/rotate.md."
  type        = number
  default     = 1
}

variable "protect" {
  description = "Refuse to delete the table. Turn it off, and apply, before you destroy a deployment for good."
  type        = bool
  default     = true
}

variable "table" {
  description = "Name of the table, if it is another than the deployment's: after a restore, for example."
  type        = string
  default     = ""
}

variable "backup_days" {
  description = "Days that point-in-time recovery reaches back, 1 to 35."
  type        = number
  default     = 35
}

variable "rest_throttle" {
  description = "Requests a second, and burst, that the REST API takes. One proxied request makes four calls of the account's 10,000."
  type        = object({ rate = number, burst = number })
  default     = { rate = 2000, burst = 1000 }
}

variable "socket_throttle" {
  description = "Messages a second, and burst, that the WebSocket API takes per route."
  type        = object({ rate = number, burst = number })
  default     = { rate = 4000, burst = 2000 }
}

variable "resync_schedule" {
  description = "How often every cluster is looked at without a reason. It repairs what was missed and costs per cluster."
  type        = string
  default     = "rate(1 day)"
}

variable "sweep_schedule" {
  description = "How often clusters are found whose connection was lost without a word."
  type        = string
  default     = "rate(1 hour)"
}

variable "watched_kinds" {
  description = "Kinds of resources whose changes wake a controller or are told to subscribers. Anything else never starts a function."
  type        = list(string)
  default = [
    "authConfig", "catalog", "cluster", "clusterAlert", "clusterAlertGroup", "clusterAlertRule", "clusterCatalog",
    "clusterEvent", "clusterLogging", "clusterRegistrationToken", "clusterRoleTemplateBinding", "composeConfig",
    "dynamicSchema", "globalRole", "globalRoleBinding", "group", "groupMember", "kontainerDriver", "listenConfig",
    "multiClusterApp", "node", "nodeDriver", "nodePool", "nodeTemplate", "notice", "notifier", "pipeline",
    "pipelineExecution", "pipelineSetting", "podSecurityPolicyTemplate", "podSecurityPolicyTemplateProjectBinding",
    "preference", "project", "projectAlert", "projectAlertGroup", "projectAlertRule", "projectCatalog",
    "projectLogging", "projectNetworkPolicy", "projectRoleTemplateBinding", "roleTemplate", "secret", "setting",
    "sourceCodeCredential", "sourceCodeProvider", "sourceCodeProviderConfig", "sourceCodeRepository", "template",
    "templateContent", "templateVersion", "user",
  ]
}

variable "alarm_email" {
  description = "Address that gets the alarms; AWS asks it to confirm. Empty: subscribe to the topic yourself."
  type        = string
  default     = ""
}

variable "gateway_log_role" {
  description = "Let this deployment set the role with which API Gateway writes logs. It is one per account and region: turn it off where something else sets it."
  type        = bool
  default     = true
}

variable "domains" {
  description = "Names of your own for the two APIs, which cannot share one. The certificate is in `region`. With zone_id, Route 53 records are made."
  type = object({
    rest            = string
    socket          = string
    certificate_arn = string
    zone_id         = optional(string)
  })
  default = null
}

variable "cloudfront" {
  description = "One name for both APIs, by CloudFront. The certificate is in us-east-1. With zone_id, Route 53 records are made."
  type = object({
    domain          = string
    certificate_arn = string
    zone_id         = optional(string)
    price_class     = optional(string, "PriceClass_All")
  })
  default = null
}

variable "emulator" {
  description = "host:port of an emulator of AWS that serves TLS, for tests; empty on AWS. Addresses are the emulator's then."
  type        = string
  default     = ""
}

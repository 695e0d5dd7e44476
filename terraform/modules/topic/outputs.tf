output "arn" {
  value       = aws_sns_topic.sns_topic.arn
  description = "ARN of the topic"
}

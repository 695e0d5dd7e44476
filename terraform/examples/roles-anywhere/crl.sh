#!/bin/sh
# Hands the newest CRL of a CA to IAM Roles Anywhere: crl.sh BUCKET NAME TRUST_ANCHOR_ARN
# Run it after each run of the authority, e.g. every six hours.
set -eu
bucket=$1 name=$2 anchor=$3

file=$(mktemp)
trap 'rm -f "$file"' EXIT
aws s3 cp --quiet "s3://$bucket/$name.crl.pem" "$file"

size=$(wc -c < "$file")
if [ "$size" -gt 300000 ]; then
  echo "the CRL has $size characters, and IAM Roles Anywhere takes 300000: see docs/aws/roles-anywhere.md" >&2
  exit 1
fi

id=$(aws rolesanywhere list-crls --output text \
  --query "crls[?name=='$name' && trustAnchorArn=='$anchor'].crlId | [0]")
if [ "$id" = None ]; then
  aws rolesanywhere import-crl --name "$name" --trust-anchor-arn "$anchor" --crl-data "fileb://$file" --enabled > /dev/null
  echo "imported $name"
else
  aws rolesanywhere update-crl --crl-id "$id" --crl-data "fileb://$file" > /dev/null
  echo "updated $name"
fi

//! A CA key's policy while issuance is frozen: one statement, which denies `kms:Sign` to all but one role.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html>

use serde_json::{Value, json};

/// The name of the statement.
const SID: &str = "ChanceryFrozen";

/// The policy with that statement. `None` where it is no policy document.
pub(crate) fn closed(policy: &str, role_arn: &str) -> Option<String> {
    let mut document = document(policy)?;
    let statements = document.get_mut("Statement")?.as_array_mut()?;
    statements.retain(|statement| !is_ours(statement));
    statements.push(json!({
        "Sid": SID,
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "kms:Sign",
        "Resource": "*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": role_arn}},
    }));
    Some(document.to_string())
}

/// The policy without that statement, and whether it had it. `None` where it is no policy document.
pub(crate) fn open(policy: &str) -> Option<(String, bool)> {
    let mut document = document(policy)?;
    let statements = document.get_mut("Statement")?.as_array_mut()?;
    let before = statements.len();
    statements.retain(|statement| !is_ours(statement));
    let had_it = statements.len() < before;
    Some((document.to_string(), had_it))
}

/// A document whose statements are a list: a single one may stand alone.
fn document(policy: &str) -> Option<Value> {
    let mut document: Value = serde_json::from_str(policy).ok()?;
    let statement = document.get_mut("Statement")?;
    if statement.is_object() {
        *statement = Value::Array(vec![statement.take()]);
    }
    Some(document)
}

fn is_ours(statement: &Value) -> bool {
    statement.get("Sid").and_then(Value::as_str) == Some(SID)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"{"Version":"2012-10-17","Statement":{"Sid":"Own","Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*"}}"#;

    #[test]
    fn one_statement_comes_and_goes() {
        let role = "arn:aws:iam::111122223333:role/crl";
        let closed_once = closed(POLICY, role).unwrap();
        assert_eq!(closed(&closed_once, role).unwrap(), closed_once, "twice is once");
        let document: Value = serde_json::from_str(&closed_once).unwrap();
        assert_eq!(document["Statement"].as_array().unwrap().len(), 2);
        assert_eq!(document["Statement"][0]["Sid"], "Own");
        assert_eq!(
            document["Statement"][1]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"],
            role
        );
        let (opened, had_it) = open(&closed_once).unwrap();
        assert!(had_it);
        assert!(!open(&opened).unwrap().1);
        let left: Value = serde_json::from_str(&opened).unwrap();
        assert_eq!(left["Statement"].as_array().unwrap().len(), 1);
        for broken in ["", "[]", "{}", r#"{"Statement":"x"}"#] {
            assert_eq!(closed(broken, role), None, "{broken}");
        }
    }
}

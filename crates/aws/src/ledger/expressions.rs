//! Names and values of DynamoDB expressions.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::Item;

/// The attribute names of expressions: `#Name` always means the attribute `Name`, since DynamoDB reserves hundreds of
/// words, and the list grows.
pub(super) fn names<'a>(expressions: impl IntoIterator<Item = &'a str>) -> Option<HashMap<String, String>> {
    let mut names = HashMap::new();
    for expression in expressions {
        for beginning in expression.split('#').skip(1) {
            let end = beginning.find(|letter: char| !letter.is_ascii_alphanumeric());
            let name = &beginning[..end.unwrap_or(beginning.len())];
            names.insert(format!("#{name}"), name.to_owned());
        }
    }
    (!names.is_empty()).then_some(names)
}

/// The values of expressions; `None` if there are none: DynamoDB refuses an empty map.
pub(super) fn values(values: Item) -> Option<HashMap<String, AttributeValue>> {
    (!values.0.is_empty()).then_some(values.0)
}

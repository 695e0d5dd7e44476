//! `requestParameters`: of every service another form, of which the texts are kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Texts that are kept of one record; the others are left out, and [`Parameters::is_whole`] says so.
const LEAVES: usize = 200;

/// Octets that are kept of one text.
const LENGTH: usize = 512;

/// How deep texts are looked for.
const DEPTH: u8 = 16;

/// The texts in a call's parameters, with the names under which they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    names: Vec<String>,
    leaves: Vec<Leaf>,
    cut: bool,
}

/// One text among the parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The name that it stands under, the nearest one.
    pub name: String,
    /// The text; its beginning, where it is long.
    pub value: String,
}

impl Parameters {
    /// The text under that name, the first one.
    pub fn text(&self, name: &str) -> Option<&str> {
        let leaf = self.leaves.iter().find(|leaf| leaf.name == name)?;
        Some(&leaf.value)
    }

    /// Whether a parameter of that name is given, at the top, whatever it holds.
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// Every text.
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// Whether all texts are there: neither CloudTrail nor this reader left any out.
    pub fn is_whole(&self) -> bool {
        // `omitted`: what CloudTrail writes where a field was too long.
        !self.cut && !self.has("omitted")
    }

    fn add(&mut self, name: &str, value: &str) {
        if self.leaves.len() == LEAVES {
            self.cut = true;
            return;
        }
        let end = (0..=LENGTH.min(value.len()))
            .rev()
            .find(|&end| value.is_char_boundary(end));
        self.leaves.push(Leaf {
            name: name.to_owned(),
            value: value[..end.unwrap_or(0)].to_owned(),
        });
    }
}

impl<'de> serde::Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut parameters = Self::default();
        let texts = Texts {
            found: &mut parameters,
            name: "",
            depth: 0,
        };
        texts.deserialize(deserializer)?;
        Ok(parameters)
    }
}

/// Collects the texts of any JSON.
struct Texts<'a> {
    found: &'a mut Parameters,
    name: &'a str,
    depth: u8,
}

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.found.add(self.name, if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.found.add(self.name, &value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.found.add(self.name, &value.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.found.add(self.name, value);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.depth == DEPTH {
            self.found.cut = true;
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        while seq
            .next_element_seed(Texts {
                found: &mut *self.found,
                name: self.name,
                depth: self.depth + 1,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if self.depth == 0 && self.found.names.len() < LEAVES {
                self.found.names.push(name.clone());
            }
            if self.depth == DEPTH {
                self.found.cut = true;
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            map.next_value_seed(Texts {
                found: &mut *self.found,
                name: &name,
                depth: self.depth + 1,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Parameters {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn texts_are_found_wherever_they_stand() {
        let parameters = read(
            r#"{"keyId": "alias/a", "names": ["one", "two"], "deep": {"er": {"days": 7, "on": true}}, "no": null}"#,
        );
        assert_eq!(parameters.text("keyId"), Some("alias/a"));
        assert_eq!(parameters.text("days"), Some("7"));
        assert_eq!(parameters.text("on"), Some("true"));
        let names: Vec<_> = parameters.leaves().iter().filter(|leaf| leaf.name == "names").collect();
        assert_eq!(names.len(), 2);
        assert!(parameters.has("deep") && parameters.has("no") && !parameters.has("er"));
        assert!(parameters.is_whole());
        assert_eq!(read("null"), Parameters::default());
        assert_eq!(read("\"text\"").text(""), Some("text"));
    }

    #[test]
    fn what_is_left_out_is_said() {
        let many = format!("{{\"a\": [{}1]}}", "1,".repeat(LEAVES));
        assert_eq!(read(&many).leaves().len(), LEAVES);
        assert!(!read(&many).is_whole());
        let deep = format!("{}\"x\"{}", "[".repeat(40), "]".repeat(40));
        assert!(read(&deep).leaves().is_empty() && !read(&deep).is_whole());
        assert!(!read(r#"{"omitted": true, "originalSize": 200000}"#).is_whole());
        let long = format!("{{\"a\": \"{}\"}}", "é".repeat(LENGTH));
        assert_eq!(read(&long).text("a").unwrap().len(), LENGTH);
    }
}

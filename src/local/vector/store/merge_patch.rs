//! JSON merge patches (RFC 7396) of texts, so that what is not patched stays as it was written.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// `MergePatch` of RFC 7396, section 2. `None` if either is no JSON.
pub(super) fn merge(target: Option<&RawValue>, patch: &RawValue) -> Option<Box<RawValue>> {
    if !is_object(patch) {
        return Some(patch.to_owned());
    }
    let mut fields: Vec<(String, Box<RawValue>)> = match target.filter(|target| is_object(target)) {
        Some(target) => {
            let Fields(fields) = serde_json::from_str(target.get()).ok()?;
            fields.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
        }
        None => Vec::new(),
    };
    let Fields(changes) = serde_json::from_str(patch.get()).ok()?;
    for (name, change) in changes {
        let at = fields.iter().position(|(known, _)| *known == name);
        if change.get() == "null" {
            at.map(|at| fields.remove(at));
            continue;
        }
        let merged = merge(at.map(|at| &*fields[at].1), change)?;
        match at {
            Some(at) => fields[at].1 = merged,
            None => fields.push((name, merged)),
        }
    }
    let fields: Result<Vec<String>, _> = fields
        .iter()
        .map(|(name, value)| Ok::<_, serde_json::Error>(format!("{}:{}", serde_json::to_string(name)?, value.get())))
        .collect();
    RawValue::from_string(format!("{{{}}}", fields.ok()?.join(","))).ok()
}

fn is_object(json: &RawValue) -> bool {
    json.get().starts_with('{')
}

/// The fields of an object in their order. Of several with one name the last one counts.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields: Vec<(String, &RawValue)> = Vec::new();
                let mut places = std::collections::HashMap::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    match places.get(&name) {
                        Some(at) => fields[*at] = (name, value),
                        None => {
                            places.insert(name.clone(), fields.len());
                            fields.push((name, value));
                        }
                    }
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::merge;
    use serde_json::value::RawValue;

    fn merged(target: &str, patch: &str) -> String {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        merge(Some(&raw(target)), &raw(patch)).unwrap().get().to_owned()
    }

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn patches_merge_as_the_rfc_has_it() {
        for (target, patch, expected) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            assert_eq!(merged(target, patch), expected, "{patch}");
        }
    }

    #[test]
    fn what_is_not_named_stays_as_it_was_written() {
        let target = r#"{"z":0.12768790918545903,"big":123456789012345678901234567890,"a":{ "k" : 1.0 }}"#;
        let expected = r#"{"z":0.12768790918545903,"big":123456789012345678901234567890,"a":{ "k" : 1.0 },"new":1}"#;
        assert_eq!(merged(target, r#"{"new":1}"#), expected);
        assert_eq!(merged(r#"{"a":1,"a":2}"#, r#"{"b\n":1}"#), r#"{"a":2,"b\n":1}"#);
    }
}

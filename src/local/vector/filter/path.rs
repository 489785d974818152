use serde_json::Value;

/// The name of a field: `geography.continent`, `tags[0]`, `tags[#-1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// `None` for a name that leads nowhere, as `tags#-1]`.
    steps: Option<Vec<Step>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    /// From the end: the last one is 1.
    FromEnd(usize),
}

impl Path {
    pub(super) fn new(name: &str) -> Self {
        Self { steps: steps(name) }
    }

    /// The value that is there, which may be null.
    pub(super) fn find<'a>(&self, metadata: &'a Value) -> Option<&'a Value> {
        self.steps.as_ref()?.iter().try_fold(metadata, |value, step| match step {
            Step::Key(key) => value.as_object()?.get(key),
            Step::Index(index) => value.as_array()?.get(*index),
            Step::FromEnd(index) => {
                let list = value.as_array()?;
                list.get(list.len().checked_sub(*index)?)
            }
        })
    }
}

fn steps(name: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in name.split('.') {
        let (key, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
        if key.is_empty() || key.contains(['#', ']']) {
            return None;
        }
        steps.push(Step::Key(key.to_owned()));
        for index in indices.split_terminator(']') {
            let index = index.strip_prefix('[')?;
            steps.push(match index.strip_prefix("#-") {
                Some(index) => Step::FromEnd(index.parse().ok()?),
                None => Step::Index(index.parse().ok()?),
            });
        }
        if !indices.is_empty() && !indices.ends_with(']') {
            return None;
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::Path;
    use serde_json::json;

    #[test]
    fn paths_lead_to_values() {
        let metadata = json!({"a": {"b-c": [1, [2, 3]]}, "n": null, "l": ["x", "y"]});
        for (name, expected) in [
            ("a.b-c[0]", Some(json!(1))),
            ("a.b-c[1][#-1]", Some(json!(3))),
            ("l[#-2]", Some(json!("x"))),
            ("n", Some(json!(null))),
            ("l[#-0]", None),
            ("l[#-3]", None),
            ("l[2]", None),
            ("l#-1]", None),
            ("l.0", None),
            ("a..b", None),
            ("a.", None),
            ("l[0]x", None),
            ("l[99999999999999999999]", None),
        ] {
            assert_eq!(Path::new(name).find(&metadata), expected.as_ref(), "{name}");
        }
    }
}

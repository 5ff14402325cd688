//! Texts with holes: `{{name}}`.

/// A text with holes, taken apart once.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Hole(String),
}

impl Template {
    /// Takes `text` apart.
    pub(crate) fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((hole, after)) = after.split_once("}}") else { break };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Hole(hole.to_owned()));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Self { parts }
    }

    /// Writes the text, with `fill` writing what belongs into each hole.
    pub(crate) fn write(&self, out: &mut Vec<u8>, mut fill: impl FnMut(&str, &mut Vec<u8>)) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Hole(name) => fill(name, out),
            }
        }
    }

    /// The text, with what `value` has for each hole; a hole without a value stays as it is written.
    pub(crate) fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Hole(name) => match value(name) {
                    Some(value) => out.push_str(value),
                    None => out.extend(["{{", name, "}}"]),
                },
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled() {
        let value = |name: &str| (name == "node").then_some("cp1");
        for (text, filled) in [
            ("etcd-{{node}}: {{node}}", "etcd-cp1: cp1"),
            ("{{other}} {\"a\":{}}", "{{other}} {\"a\":{}}"),
            ("an open {{node", "an open {{node"),
            ("", ""),
        ] {
            assert_eq!(Template::new(text).fill(value), filled, "{text}");
        }
    }
}

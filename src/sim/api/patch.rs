//! Patches: JSON merge patch (RFC 7386), as which a strategic one is treated as well, and JSON patch (RFC 6902).

use serde_json::{Map, Value};

/// `target` with a merge patch in it: null takes a field out.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(fields) = target.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// `target` with the operations of a JSON patch done to it.
///
/// # Errors
/// The sentence with which an operation is refused.
pub(crate) fn apply(target: &mut Value, patch: &Value) -> Result<(), String> {
    let operations = patch.as_array().ok_or("a JSON patch is a list of operations")?;
    for operation in operations {
        let text = |field| operation.get(field).and_then(Value::as_str).unwrap_or_default();
        let value = operation.get("value").cloned();
        let path = text("path");
        match text("op") {
            "add" => add(target, path, value.unwrap_or_default())?,
            "remove" => drop(remove(target, path)?),
            "replace" => {
                *target.pointer_mut(path).ok_or_else(|| missing(path))? = value.unwrap_or_default();
            }
            "test" if target.pointer(path) == value.as_ref() => {}
            "test" => return Err(format!("testing path {path} failed")),
            "move" => {
                let moved = remove(target, text("from"))?;
                add(target, path, moved)?;
            }
            "copy" => {
                let copied = target.pointer(text("from")).cloned().ok_or_else(|| missing(text("from")))?;
                add(target, path, copied)?;
            }
            other => return Err(format!("unexpected operation: {other}")),
        }
    }
    Ok(())
}

fn missing(path: &str) -> String {
    format!("the path {path} does not exist")
}

/// What holds the last part of a path, and that part.
fn parent<'t>(target: &'t mut Value, path: &str) -> Result<(&'t mut Value, String), String> {
    let (above, last) = path.rsplit_once('/').ok_or_else(|| missing(path))?;
    let parent = target.pointer_mut(above).ok_or_else(|| missing(above))?;
    Ok((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    match parent(target, path)? {
        (Value::Object(fields), last) => drop(fields.insert(last, value)),
        (Value::Array(items), last) => {
            let index = if last == "-" { items.len() } else { last.parse().map_err(|_| missing(path))? };
            if index > items.len() {
                return Err(missing(path));
            }
            items.insert(index, value);
        }
        _ => return Err(missing(path)),
    }
    Ok(())
}

fn remove(target: &mut Value, path: &str) -> Result<Value, String> {
    match parent(target, path)? {
        (Value::Object(fields), last) => fields.remove(&last).ok_or_else(|| missing(path)),
        (Value::Array(items), last) => match last.parse() {
            Ok(index) if index < items.len() => Ok(items.remove(index)),
            _ => Err(missing(path)),
        },
        _ => Err(missing(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merge_patches_are_those_of_the_rfc() {
        // From RFC 7386, appendix A.
        for (target, patch, wanted) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, &patch);
            assert_eq!(merged, wanted, "{target} {patch}");
        }
    }

    #[test]
    fn json_patches_do_what_they_say() {
        let target = json!({ "metadata": { "labels": { "a/b": "1" } }, "list": [1, 2] });
        for (patch, wanted) in [
            (
                json!([{"op":"remove","path":"/metadata/labels/a~1b"}]),
                Ok(json!({"metadata":{"labels":{}},"list":[1,2]})),
            ),
            (
                json!([{"op":"add","path":"/list/1","value":9},{"op":"add","path":"/list/-","value":3}]),
                Ok(json!({"metadata":{"labels":{"a/b":"1"}},"list":[1,9,2,3]})),
            ),
            (
                json!([{"op":"move","from":"/list/0","path":"/first"}]),
                Ok(json!({"metadata":{"labels":{"a/b":"1"}},"list":[2],"first":1})),
            ),
            (
                json!([{"op":"test","path":"/list/0","value":2}]),
                Err("testing path /list/0 failed".to_owned()),
            ),
            (
                json!([{"op":"replace","path":"/none","value":2}]),
                Err("the path /none does not exist".to_owned()),
            ),
            (
                json!([{"op":"add","path":"/list/7","value":2}]),
                Err("the path /list/7 does not exist".to_owned()),
            ),
            (json!({"op":"add"}), Err("a JSON patch is a list of operations".to_owned())),
        ] {
            let mut patched = target.clone();
            assert_eq!(apply(&mut patched, &patch).map(|()| patched), wanted, "{patch}");
        }
    }
}

//! Changes of objects: create, update, patch, delete.

use std::sync::Arc;

use http::{StatusCode, header};
use serde_json::{Value, json};

use super::path::Objects;
use super::read::key_of;
use super::status::{self, Refusal};
use super::{Answer, Asked, patch as patches, shown};
use crate::sim::state::ApiServer;
use crate::sim::store::Key;
use crate::sim::{clock, control, names};

/// `POST` of an object.
pub(super) fn create(server: &Arc<ApiServer>, asked: &Asked, objects: &Objects) -> Answer {
    let mut object = parsed(asked)?;
    let resource = objects.resource;
    let now = server.cluster.now();
    let mut store = server.cluster.store();
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return Err(Refusal::invalid(resource, "", "metadata", "Required value"));
    };
    let text = |field: &str| metadata.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut name = text("name");
    if name.is_empty() {
        let base = text("generateName");
        if base.is_empty() {
            let message = "Required value: name or generateName is required";
            return Err(Refusal::invalid(resource, "", "metadata.name", message));
        }
        name = format!("{base}{}", names::suffix(&format!("{base} {}", store.revision()), 5));
    }
    let namespace = objects.namespace.clone().unwrap_or_default();
    if resource.namespaced && namespace.is_empty() {
        return Err(Refusal::method_not_allowed());
    }
    let key = Key::new(&namespace, &name);
    if store.get(resource, &key).is_some() {
        return Err(Refusal::already_exists(resource, &name));
    }
    let uid = names::uid(&format!("{} {namespace}/{name} {}", resource.plural, store.revision()));
    metadata.insert("name".to_owned(), name.into());
    if resource.namespaced {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    metadata.insert("uid".to_owned(), uid.into());
    metadata.insert("creationTimestamp".to_owned(), clock::seconds(now).into());
    if object.get("spec").is_some() {
        set(&mut object, "generation", json!(1));
    }
    note_manager(&mut object, asked, objects, &clock::seconds(now));
    let object = store.put(resource, object);
    drop(store);
    control::nodes::written(&server.cluster, resource.kind, &key);
    Ok(super::json(StatusCode::CREATED, &shown(&object, objects)))
}

/// `PUT` of an object.
pub(super) fn update(server: &Arc<ApiServer>, asked: &Asked, objects: &Objects) -> Answer {
    let wanted = parsed(asked)?;
    change(server, asked, objects, |object| {
        *object = wanted;
        Ok(())
    })
}

/// `PATCH` of an object, in any of the four forms; server-side apply and strategic merge are taken for merge patches.
pub(super) fn patch(server: &Arc<ApiServer>, asked: &Asked, objects: &Objects) -> Answer {
    let content_type = asked.header(header::CONTENT_TYPE);
    let patch: Value = match content_type.split(';').next().unwrap_or_default().trim() {
        "application/apply-patch+yaml" => serde_yaml::from_slice(&asked.body)
            .map_err(|error| Refusal::bad_request(format!("error decoding YAML: {error}")))?,
        "application/json-patch+json"
        | "application/merge-patch+json"
        | "application/strategic-merge-patch+json" => serde_json::from_slice(&asked.body)
            .map_err(|error| Refusal::bad_request(format!("error decoding patch: {error}")))?,
        other => return Err(Refusal::unsupported_media_type(other)),
    };
    change(server, asked, objects, |object| {
        if patch.is_array() {
            return patches::apply(object, &patch);
        }
        patches::merge(object, &patch);
        Ok(())
    })
}

/// `DELETE` of an object. A pod has its grace period; anything else is gone at once: nobody here waits for finalizers.
pub(super) fn delete(server: &Arc<ApiServer>, objects: &Objects) -> Answer {
    let key = key_of(objects);
    let not_found = || Refusal::not_found(objects.resource, &key.name);
    let object = if objects.resource.id() == ("", "pods") {
        let pod = server.cluster.store().get(objects.resource, &key).ok_or_else(not_found)?;
        control::pods::end(&server.cluster, &key);
        pod
    } else {
        server.cluster.store().delete(objects.resource, &key).ok_or_else(not_found)?
    };
    let mut details = status::details(objects.resource, Some(&key.name));
    if let Some(details) = details.as_object_mut() {
        details.insert("uid".to_owned(), object.pointer("/metadata/uid").cloned().unwrap_or_default());
    }
    Ok(super::json(StatusCode::OK, &status::success(details)))
}

/// Changes an object by `by`, with what a server keeps, checks and counts up.
fn change(
    server: &Arc<ApiServer>,
    asked: &Asked,
    objects: &Objects,
    by: impl FnOnce(&mut Value) -> Result<(), String>,
) -> Answer {
    let (resource, key) = (objects.resource, key_of(objects));
    let mut store = server.cluster.store();
    let old = store.get(resource, &key).ok_or_else(|| Refusal::not_found(resource, &key.name))?;
    let mut new = Value::clone(&old);
    // Only a resourceVersion that the client gives is a condition.
    set(&mut new, "resourceVersion", Value::Null);
    by(&mut new).map_err(|message| Refusal::invalid(resource, &key.name, "patch", &message))?;
    let given = new.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
    if !given.is_empty() && old.pointer("/metadata/resourceVersion").and_then(Value::as_str) != Some(given) {
        return Err(Refusal::conflict(resource, &key.name));
    }
    let status_only = objects.subresource.as_deref() == Some("status");
    let mut object = Value::clone(&old);
    if let (Some(object), Value::Object(new)) = (object.as_object_mut(), new) {
        let of_status = resource.subresources.iter().any(|row| row.starts_with("status"));
        // /status changes nothing but the status, and the object itself everything but that.
        let takes = |field: &str| field == "metadata" || (field == "status") == status_only || !of_status;
        object.retain(|field, _| !takes(field));
        object.extend(
            new.into_iter().filter(|(field, _)| takes(field) && field != "kind" && field != "apiVersion"),
        );
    }
    for field in ["name", "namespace", "uid", "creationTimestamp", "generation", "resourceVersion"] {
        set(&mut object, field, old.pointer(&format!("/metadata/{field}")).cloned().unwrap_or_default());
    }
    if object == *old {
        return Ok(super::json(StatusCode::OK, &shown(&old, objects)));
    }
    if let (true, Some(generation)) =
        (object.get("spec") != old.get("spec"), old.pointer("/metadata/generation").and_then(Value::as_i64))
    {
        set(&mut object, "generation", json!(generation + 1));
    }
    note_manager(&mut object, asked, objects, &clock::seconds(server.cluster.now()));
    let object = store.put(resource, object);
    drop(store);
    control::nodes::written(&server.cluster, resource.kind, &key);
    Ok(super::json(StatusCode::OK, &shown(&object, objects)))
}

/// The object in a request's body, without kind and apiVersion.
fn parsed(asked: &Asked) -> Result<Value, Refusal> {
    let mut object: Value = serde_json::from_slice(&asked.body)
        .map_err(|error| Refusal::bad_request(format!("the object provided is unrecognized: {error}")))?;
    let Some(fields) = object.as_object_mut() else {
        return Err(Refusal::bad_request("the object provided is unrecognized: it is no object"));
    };
    fields.remove("kind");
    fields.remove("apiVersion");
    Ok(object)
}

/// Writes a field of the metadata; null takes it out.
fn set(object: &mut Value, field: &str, value: Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        if value.is_null() {
            metadata.remove(field);
        } else {
            metadata.insert(field.to_owned(), value);
        }
    }
}

/// Notes who wrote, in which version and when, as `managedFields` has it, but not which fields.
fn note_manager(object: &mut Value, asked: &Asked, objects: &Objects, time: &str) {
    let agent = asked.header(header::USER_AGENT).split(['/', ' ']).next().unwrap_or_default();
    let manager = Some(asked.params.get("fieldManager")).filter(|name| !name.is_empty()).unwrap_or(agent);
    let apply = asked.header(header::CONTENT_TYPE).starts_with("application/apply-patch");
    let mut entry = json!({
        "manager": if manager.is_empty() { "unknown" } else { manager },
        "operation": if apply { "Apply" } else { "Update" },
        "apiVersion": objects.resource.api_version(objects.version.name),
        "time": time, "fieldsType": "FieldsV1", "fieldsV1": {},
    });
    if let (Some(subresource), Some(entry)) = (&objects.subresource, entry.as_object_mut()) {
        entry.insert("subresource".to_owned(), subresource.as_str().into());
    }
    let who = |entry: &Value| {
        ["manager", "operation", "apiVersion", "subresource"].map(|field| entry.get(field).cloned())
    };
    let old =
        object.pointer("/metadata/managedFields").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut entries: Vec<Value> = old.into_iter().filter(|old| who(old) != who(&entry)).collect();
    entries.push(entry);
    set(object, "managedFields", entries.into());
}

//! Of k8s.io/apimachinery v0.30.14, pkg/apis/meta/v1/generated.proto.

use super::{Message, boolean, int, many, map, one, string, time};

pub(super) static OBJECT_META: Message = Message::new(
    "ObjectMeta",
    &[
        string(1, "name"),
        string(3, "namespace"),
        string(5, "uid"),
        string(6, "resourceVersion"),
        int(7, "generation").omit_zero(),
        time(8, "creationTimestamp"),
        time(9, "deletionTimestamp"),
        map(11, "labels"),
        map(12, "annotations"),
        many(13, "ownerReferences", &OWNER_REFERENCE),
        many(17, "managedFields", &MANAGED_FIELDS_ENTRY),
    ],
);

static OWNER_REFERENCE: Message = Message::new(
    "OwnerReference",
    &[
        string(1, "kind"),
        string(3, "name"),
        string(4, "uid"),
        string(5, "apiVersion"),
        boolean(6, "controller"),
    ],
);

static MANAGED_FIELDS_ENTRY: Message = Message::new(
    "ManagedFieldsEntry",
    &[
        string(1, "manager"),
        string(2, "operation"),
        string(3, "apiVersion"),
        time(4, "time"),
        string(8, "subresource"),
    ],
);

/// Any object, of which only the metadata is read. It has no name: it stands for every kind.
pub static OBJECT: Message = Message::new("", &[one(1, "metadata", &OBJECT_META)]);

/// The metadata of a list.
pub static LIST_META: Message = Message::new(
    "ListMeta",
    &[string(2, "resourceVersion"), string(3, "continue"), int(4, "remainingItemCount")],
);

/// What a request ended with.
pub static STATUS: Message = Message::new(
    "Status",
    &[
        string(2, "status"),
        string(3, "message"),
        string(4, "reason"),
        one(5, "details", &STATUS_DETAILS),
        int(6, "code").omit_zero(),
    ],
);

static STATUS_DETAILS: Message = Message::new("StatusDetails", &[int(5, "retryAfterSeconds").omit_zero()]);

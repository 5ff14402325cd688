//! Of k8s.io/api v0.30.14, the generated.proto files of coordination/v1, discovery/v1 and core/v1.

use super::meta::OBJECT_META;
use super::{Message, boolean, int, many, map, micro_time, one, string, strings};

/// A Lease.
pub static LEASE: Message =
    Message::new("Lease", &[one(1, "metadata", &OBJECT_META), one(2, "spec", &LEASE_SPEC)]);

static LEASE_SPEC: Message = Message::new(
    "LeaseSpec",
    &[string(1, "holderIdentity"), int(2, "leaseDurationSeconds"), micro_time(4, "renewTime")],
);

/// An EndpointSlice.
pub static ENDPOINT_SLICE: Message = Message::new(
    "EndpointSlice",
    &[one(1, "metadata", &OBJECT_META), many(2, "endpoints", &ENDPOINT), many(3, "ports", &ENDPOINT_PORT)],
);

static ENDPOINT: Message =
    Message::new("Endpoint", &[strings(1, "addresses"), one(2, "conditions", &ENDPOINT_CONDITIONS)]);

static ENDPOINT_CONDITIONS: Message = Message::new("EndpointConditions", &[boolean(1, "ready")]);

static ENDPOINT_PORT: Message = Message::new("EndpointPort", &[string(1, "name"), int(3, "port")]);

/// A ConfigMap.
pub static CONFIG_MAP: Message =
    Message::new("ConfigMap", &[one(1, "metadata", &OBJECT_META), map(2, "data")]);

//! The envelope of every object in protobuf: `k8s\0`, and a `runtime.Unknown`.
//!
//! Source: k8s.io/apimachinery v0.30.14, pkg/runtime/generated.proto, and
//! pkg/runtime/serializer/protobuf/doc.go.

use serde::Deserialize;

use super::protobuf::{Fields, What, WireType};
use crate::text::Text;

/// What every enveloped object begins with.
pub(super) const MAGIC: &[u8; 4] = b"k8s\0";

/// Unknown.typeMeta
pub(super) const TYPE_META: u32 = 1;
/// Unknown.raw
pub(super) const RAW: u32 = 2;
/// Unknown.contentEncoding
pub(super) const CONTENT_ENCODING: u32 = 3;

/// Of which kind an object is: in an envelope, or beside the other fields of its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TypeMeta {
    pub(super) api_version: Text,
    pub(super) kind: Text,
}

impl TypeMeta {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, What> {
        let mut meta = Self::default();
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.next_field()? {
            match (field.number, field.wire_type) {
                (1, WireType::Len) => meta.api_version = text(field.payload)?,
                (2, WireType::Len) => meta.kind = text(field.payload)?,
                _ => {}
            }
        }
        Ok(meta)
    }

    pub(super) fn is_status(&self) -> bool {
        self.api_version == "v1" && self.kind == "Status"
    }
}

/// An enveloped object that is in memory as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope<'b> {
    pub(super) type_meta: TypeMeta,
    pub(super) raw: &'b [u8],
}

impl<'b> Envelope<'b> {
    /// Opens an envelope.
    pub(super) fn open(bytes: &'b [u8]) -> Result<Self, What> {
        let Some(unknown) = bytes.strip_prefix(MAGIC) else {
            return Err(What::Value("it does not begin with k8s\\0".into()));
        };
        let mut envelope = Self { type_meta: TypeMeta::default(), raw: &[] };
        let mut fields = Fields::new(unknown);
        while let Some(field) = fields.next_field()? {
            match (field.number, field.wire_type) {
                (TYPE_META, WireType::Len) => envelope.type_meta = TypeMeta::read(field.payload)?,
                (RAW, WireType::Len) => envelope.raw = field.payload,
                (CONTENT_ENCODING, WireType::Len) if !field.payload.is_empty() => {
                    return Err(What::Value("its content is encoded".into()));
                }
                _ => {}
            }
        }
        Ok(envelope)
    }
}

fn text(bytes: &[u8]) -> Result<Text, What> {
    std::str::from_utf8(bytes).map(Text::new).map_err(|_| What::Utf8)
}

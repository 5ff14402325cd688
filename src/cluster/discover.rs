//! Which APIs the cluster serves.

use super::ask::Asker;
use super::wire::discovery;
use crate::evidence::{Reading, Reason, ServedApis, Stamp, Unread};

/// The most of a discovery document that is read, in bytes.
const MAX: usize = 32 << 20;

/// That discovery is still to be read.
pub fn pending() -> Unread {
    Unread::new("get", "/apis", Reason::Pending, "")
}

/// Asks /api and /apis for all groups, versions and resources at once (aggregated discovery, KEP-3352: served by
/// default since 1.27).
pub async fn ask(asker: &Asker) -> Reading<ServedApis> {
    let mut served = ServedApis::default();
    let mut stamp = None;
    for path in ["/api", "/apis"] {
        let (body, at) = match asker.ask_whole(path, discovery::ACCEPT, MAX).await {
            Ok(answer) => answer,
            Err(failure) => return Reading::Unread(failure.unread("get", path)),
        };
        match discovery::served_apis(&body) {
            Ok(apis) => served.0.extend(apis.0),
            Err(error) => {
                return Reading::Unread(
                    Unread::new("get", path, Reason::Malformed, &error.to_string()).at(at),
                );
            }
        }
        stamp = Some(Stamp { at, how: "GET /api and /apis".into() });
    }
    stamp.map_or_else(|| Reading::Unread(pending()), |stamp| Reading::Read { stamp, value: served })
}

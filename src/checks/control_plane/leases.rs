//! Who leads: without a controller manager or a scheduler at work, kubeadm's health check does not get its Job done.
//!
//! Leases are held against each other, not against kubelift's own clock: the newest renewal of any is the cluster's
//! "now", so a wrong clock here makes no finding.

use jiff::{SignedDuration, Timestamp};

use crate::checks::common::link;
use crate::checks::finding::unknowns;
use crate::checks::{Finding, Severity, Subject};
use crate::evidence::objects::Lease;
use crate::evidence::{Evidence, Listing};

/// What lets one leader follow another without a word.
const GRACE: SignedDuration = SignedDuration::from_secs(30);

pub(super) fn findings(evidence: &Evidence, cluster: &Subject) -> Vec<Finding> {
    let listing = &evidence.objects.leases;
    let gaps = listing.gaps();
    if !gaps.is_empty() {
        return unknowns("LeasesUnread", Severity::Blocker, cluster, &gaps);
    }
    ["kube-controller-manager", "kube-scheduler"]
        .into_iter()
        .filter_map(|name| judge(listing, name))
        .collect()
}

/// The cluster's own time, as far as leases show it.
pub(super) fn now(listing: &Listing<Lease>) -> Option<Timestamp> {
    listing.iter().filter_map(|lease| lease.spec.renew_time).max()
}

fn judge(listing: &Listing<Lease>, name: &str) -> Option<Finding> {
    let subject = Subject::object("coordination.k8s.io/v1", "Lease", "kube-system", name);
    let stamp = listing.stamp.as_ref();
    let why = "kubeadm's health check CreateJob wants a Job to end within seconds: with nobody at \
         work it does not, and the upgrade ends there.";
    let Some(lease) =
        listing.iter().find(|lease| lease.metadata.namespace == "kube-system" && lease.metadata.name == name)
    else {
        return Some(
            Finding::new(
                "LeaseAbsent",
                Severity::Warning,
                subject,
                format!("there is no Lease of {name}: that one is at work is not shown"),
            )
            .why(why)
            .saw("the Leases of kube-system", stamp)
            .link(link::LEASES),
        );
    };
    let holder = lease.spec.holder_identity.as_str();
    let late =
        now(listing).and_then(|now| now.checked_sub(GRACE).ok()).is_none_or(|now| !lease.is_held_at(now));
    late.then(|| {
        let message = if holder.is_empty() {
            format!("nobody holds the Lease: no {name} leads")
        } else {
            format!("{holder} has not renewed it in time: no {name} leads")
        };
        let renewed = lease
            .spec
            .renew_time
            .map_or_else(|| "never renewed".to_owned(), |time| format!("last renewed at {time}"));
        Finding::new("LeaseNotHeld", Severity::Blocker, subject, message)
            .why(why)
            .saw(format!("{renewed}, for {} s", lease.spec.lease_duration_seconds.unwrap_or_default()), stamp)
            .remedy(
                format!("See why no {name} takes it."),
                [format!("kubectl -n kube-system logs -l component={name} --tail=50")],
            )
            .link(link::LEASES)
            .inferred()
    })
}

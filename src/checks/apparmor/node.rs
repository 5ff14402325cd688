//! What a machine can do about an AppArmor profile.

use super::profile::Need;
use crate::checks::common::facts::unseen;
use crate::evidence::Unread;
use crate::evidence::node_facts::{Known, NodeFacts};

/// Whether a machine can run a container with a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ability {
    /// It can.
    Can,
    /// AppArmor is off, or the runtime leaves it alone: in these words.
    Off(&'static str),
    /// AppArmor is on, and no profile of that name is loaded. How many are.
    Missing(usize),
    /// That was not read.
    Unknown(Unread),
}

/// Whether the machine of these facts can do what is needed.
///
/// The kubelet wants the kernel module and securityfs; containerd the parser as well, and applies no profile
/// where it is told to leave AppArmor alone. Sources: opencontainers/runc libcontainer/apparmor `IsEnabled`,
/// containerd internal/cri/server `apparmorEnabled` and pkg/apparmor `HostSupports`.
pub(super) fn ability(facts: &NodeFacts, node: &str, need: Need<'_>) -> Ability {
    let unknown = |what: &str, why: &str| Ability::Unknown(unseen(facts, node, what, why));
    let Some(host) = &facts.app_armor else {
        return unknown("appArmor", facts.why_unread("appArmor").unwrap_or("the probe does not say"));
    };
    match host.is_on() {
        Some(true) => {}
        Some(false) => return Ability::Off("AppArmor is off"),
        None => {
            return unknown(
                "appArmor",
                facts
                    .why_unread("appArmor.enabled")
                    .or(facts.why_unread("appArmor.securityfs"))
                    .unwrap_or("the probe does not say"),
            );
        }
    }
    let runtime = facts.runtime.as_ref();
    let containerd = runtime.and_then(|runtime| runtime.name.as_deref()) == Some("containerd");
    let left_alone = runtime.and_then(|runtime| runtime.config.as_ref()?.app_armor_disabled) == Some(true);
    if left_alone {
        return Ability::Off("containerd is told to leave AppArmor alone (disable_apparmor)");
    }
    if containerd && host.parser == Some(false) {
        return Ability::Off("there is no apparmor_parser, without which containerd applies no profile");
    }
    let Need::Loaded(name) = need else { return Ability::Can };
    let profiles = facts.read("appArmor.profiles", &host.profiles);
    match (profiles.value(), profiles) {
        (Some(profiles), _) if profiles.iter().any(|profile| profile.name.as_str() == name) => Ability::Can,
        (Some(profiles), Known::Read(_)) => Ability::Missing(profiles.len()),
        (_, known) => unknown("appArmor.profiles", known.reason().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::facts;

    fn with(change: impl FnOnce(&mut NodeFacts)) -> NodeFacts {
        let mut facts = facts("w1", "1.30.4");
        change(&mut facts);
        facts
    }

    fn unread_fact(what: &str) -> crate::evidence::node_facts::UnreadFact {
        crate::evidence::node_facts::UnreadFact { what: what.into(), reason: "not root".into() }
    }

    #[test]
    fn a_profile_needs_kernel_runtime_and_its_own_presence() {
        let healthy = with(|_| {});
        assert_eq!(ability(&healthy, "w1", Need::Loaded("k8s-web")), Ability::Can);
        assert_eq!(ability(&healthy, "w1", Need::On), Ability::Can);
        assert_eq!(ability(&healthy, "w1", Need::Loaded("k8s-we")), Ability::Missing(2));
        let off = |facts: &NodeFacts| matches!(ability(facts, "w1", Need::On), Ability::Off(_));
        assert!(off(&with(|f| f.app_armor.as_mut().unwrap().enabled = Some(false))));
        assert!(off(&with(|f| f.app_armor.as_mut().unwrap().securityfs = Some(false))));
        assert!(off(&with(|f| f.app_armor.as_mut().unwrap().parser = Some(false))));
        assert!(off(&with(
            |f| f.runtime.as_mut().unwrap().config.as_mut().unwrap().app_armor_disabled = Some(true)
        )));
        // CRI-O loads profiles by itself.
        assert!(!off(&with(|f| {
            f.app_armor.as_mut().unwrap().parser = Some(false);
            f.runtime.as_mut().unwrap().name = Some("cri-o".into());
        })));
    }

    #[test]
    fn what_the_probe_could_not_see_is_unknown() {
        let unknown = |facts: &NodeFacts, need| match ability(facts, "w1", need) {
            Ability::Unknown(unread) => unread.to_string(),
            other => panic!("{other:?}"),
        };
        let profiles = with(|f| {
            f.uid = Some(1000);
            f.app_armor.as_mut().unwrap().profiles = None;
            f.unread.push(unread_fact("appArmor.profiles"));
        });
        assert_eq!(
            unknown(&profiles, Need::Loaded("k8s-web")),
            "probe appArmor.profiles of w1: not permitted on the node (not root)"
        );
        assert_eq!(ability(&profiles, "w1", Need::On), Ability::Can);
        assert!(unknown(&with(|f| f.app_armor = None), Need::On).starts_with("probe appArmor of w1"));
        assert!(
            unknown(&with(|f| f.app_armor.as_mut().unwrap().enabled = None), Need::On)
                .starts_with("probe appArmor of w1")
        );
        // A list that was cut may hold the profile further down; one that holds it is enough.
        let cut = with(|f| f.unread.push(unread_fact("appArmor.profiles")));
        assert!(unknown(&cut, Need::Loaded("other")).starts_with("probe appArmor.profiles"));
        assert_eq!(ability(&cut, "w1", Need::Loaded("k8s-web")), Ability::Can);
    }
}

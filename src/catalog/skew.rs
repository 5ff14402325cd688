//! How far components' minors may be from each other.

use serde::Deserialize;

use super::Catalog;
use crate::version::Minor;

/// How far a component's minor may be from another's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkewRule {
    /// The component: `kubelet`.
    pub component: String,
    /// What it is measured by: `kube-apiserver`, every instance that it can reach.
    pub against: String,
    /// The first minor of `against` for which the rule holds.
    pub since: Minor,
    /// How many minors the component may be behind.
    pub older: u32,
    /// How many minors the component may be ahead.
    pub newer: u32,
    /// Where the row is from.
    pub source: String,
}

/// Where a component's minor is by a [`SkewRule`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skew {
    /// As the rule allows.
    Within,
    /// Further behind than the rule allows, by so many minors in all.
    TooOld(u32),
    /// Further ahead than the rule allows, by so many minors in all.
    TooNew(u32),
    /// Of another major version, for which there is no rule.
    OtherMajor,
}

impl SkewRule {
    /// Where a component of minor `component` is beside one of minor `against`.
    pub fn judge(&self, component: Minor, against: Minor) -> Skew {
        let Some(distance) = component.distance_from(against) else { return Skew::OtherMajor };
        let minors = u32::try_from(distance.unsigned_abs()).unwrap_or(u32::MAX);
        if distance < 0 && minors > self.older {
            Skew::TooOld(minors)
        } else if distance > 0 && minors > self.newer {
            Skew::TooNew(minors)
        } else {
            Skew::Within
        }
    }
}

impl Catalog {
    /// The rule for `component` beside an `against` of minor `minor`.
    pub fn skew_rule(&self, component: &str, against: &str, minor: Minor) -> Option<&SkewRule> {
        self.skew
            .iter()
            .rfind(|rule| rule.component == component && rule.against == against && rule.since <= minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::catalog;

    fn judge(component: &str, against: &str, minor: u32, other: u32) -> Skew {
        let other = Minor::new(1, other);
        catalog().skew_rule(component, against, other).unwrap().judge(Minor::new(1, minor), other)
    }

    #[test]
    fn rules_are_sorted() {
        let key = |rule: &SkewRule| (rule.component.clone(), rule.against.clone(), rule.since);
        for pair in catalog().skew.windows(2) {
            assert!(key(&pair[0]) < key(&pair[1]), "{:?}", key(&pair[1]));
        }
    }

    #[test]
    fn a_kubelet_may_be_three_behind_and_never_ahead() {
        let judged: Vec<_> = (26..=31).map(|m| judge("kubelet", "kube-apiserver", m, 30)).collect();
        let within = Skew::Within;
        assert_eq!(judged, [Skew::TooOld(4), within, within, within, within, Skew::TooNew(1)]);
    }

    #[test]
    fn rules_with_two_sides_and_rules_that_changed() {
        assert_eq!(judge("kube-apiserver", "kube-apiserver", 31, 30), Skew::Within);
        assert_eq!(judge("kube-apiserver", "kube-apiserver", 32, 30), Skew::TooNew(2));
        assert_eq!(judge("kube-scheduler", "kube-apiserver", 29, 30), Skew::Within);
        assert_eq!(judge("kube-scheduler", "kube-apiserver", 28, 30), Skew::TooOld(2));
        assert_eq!(judge("kube-proxy", "kubelet", 33, 30), Skew::Within);
        assert_eq!(judge("kubelet", "kubeadm", 26, 28), Skew::TooOld(2));
        assert_eq!(judge("kubelet", "kubeadm", 27, 29), Skew::Within);
    }

    #[test]
    fn there_is_no_rule_between_majors_and_for_strangers() {
        let rule = catalog().skew_rule("kubelet", "kube-apiserver", Minor::new(1, 30)).unwrap();
        assert_eq!(rule.judge(Minor::new(2, 0), Minor::new(1, 30)), Skew::OtherMajor);
        assert!(catalog().skew_rule("kubelet", "etcd", Minor::new(1, 30)).is_none());
    }
}

//! Feature gates that a minor takes away, or fixes to one value.

use serde::Deserialize;

use super::Catalog;
use crate::version::Minor;

/// A feature gate of Kubernetes' components, from the minor on that decides about it instead of whoever sets it.
///
/// A component that is given a gate which it does not know, or the other value of one that is locked, ends at its start
/// (k8s.io/component-base `featuregate.SetFromMap`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// `LogarithmicScaleDown`
    pub gate: String,
    /// The first minor that takes no other value than [`Gate::to`]; `None` for one that was never locked.
    pub locked: Option<Minor>,
    /// The value to which it is locked.
    pub to: Option<bool>,
    /// The first minor that does not know it; `None` for one that the newest knows.
    pub gone: Option<Minor>,
    /// Where the row is from.
    pub source: String,
}

impl Catalog {
    /// What is known of a gate; `None` for one that may be set as ever, or that no minor of the catalog had.
    pub fn gate(&self, name: &str) -> Option<&Gate> {
        let place = self.gates.binary_search_by(|gate| gate.gate.as_str().cmp(name)).ok()?;
        self.gates.get(place)
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::tests::catalog;

    #[test]
    fn rows_are_sorted_and_whole() {
        for pair in catalog().gates.windows(2) {
            assert!(pair[0].gate < pair[1].gate, "{}", pair[1].gate);
        }
        for gate in &catalog().gates {
            let minors = [gate.locked, gate.gone];
            assert!(minors.iter().any(Option::is_some), "{} says nothing", gate.gate);
            assert!(minors.into_iter().flatten().all(|minor| catalog().knows(minor)), "{}", gate.gate);
            assert_eq!(gate.locked.is_some(), gate.to.is_some(), "{}", gate.gate);
            assert!(
                gate.gone.is_none_or(|gone| gate.locked.is_none_or(|locked| locked < gone)),
                "{}",
                gate.gate
            );
        }
    }

    #[test]
    fn what_1_31_does_about_gates() {
        let of = |name: &str| {
            catalog().gate(name).map(|gate| {
                (gate.locked.map(|minor| minor.minor), gate.to, gate.gone.map(|minor| minor.minor))
            })
        };
        // Each was given to a kube-scheduler of 1.30.14 and of 1.31.14.
        assert_eq!(of("ReadWriteOncePod"), Some((Some(29), Some(true), Some(31))));
        assert_eq!(of("LogarithmicScaleDown"), Some((Some(31), Some(true), Some(37))));
        // Alpha in all minors, and so free.
        assert_eq!(of("CPUManagerPolicyAlphaOptions"), None);
        assert_eq!(of("AllAlpha"), None);
    }
}

//! Failures of an upgrade's commands that are known, by what they print.

use serde::Deserialize;

use super::Catalog;

/// A failure that is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// A name that never changes.
    pub id: String,
    /// What it prints: it is this one if any of these is found, in whatever case; `a * b` is found where `b` comes
    /// after `a` in one line.
    pub prints: Vec<String>,
    /// What it is.
    pub what: String,
    /// What to do before trying again, in sentences.
    pub next: Vec<String>,
    /// Commands that only look, or are safe in every case, for a shell of root on the step's node.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Where the row is from.
    pub source: String,
}

impl Failure {
    fn is_in(&self, text: &str) -> bool {
        self.prints.iter().any(|pattern| text.lines().any(|line| is_in_line(pattern, line)))
    }
}

fn is_in_line(pattern: &str, line: &str) -> bool {
    let mut rest = line;
    for piece in pattern.split(" * ") {
        let piece = piece.to_lowercase();
        let Some(found) = rest.find(&piece) else { return false };
        rest = rest.get(found + piece.len()..).unwrap_or_default();
    }
    true
}

impl Catalog {
    /// The failure that a text of several lines shows: the first row that is found in it, for the rows go from the
    /// cause to what follows from it.
    pub fn failure(&self, text: &str) -> Option<&Failure> {
        let text = text.to_lowercase();
        self.failures.iter().find(|failure| failure.is_in(&text))
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::tests::catalog;

    #[test]
    fn what_real_programs_print_is_known() {
        let id = |text: &str| catalog().failure(text).map(|failure| failure.id.as_str());
        for (text, known) in [
            (
                "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4242 (unattended-upgr)",
                Some("package-lock"),
            ),
            (
                "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'",
                Some("dpkg-interrupted"),
            ),
            ("E: Version '1.31.14-1.1' for 'kubeadm' was not found", Some("package-not-there")),
            (
                "Error: Unable to find a match\nNo match for argument: kubeadm-1.31.14",
                Some("package-not-there"),
            ),
            (
                "[upgrade/etcd] Failed\nstatic Pod hash for component etcd on Node cp1 did not change after 5m0s: timed out",
                Some("static-pod-unchanged"),
            ),
            (
                "cp: cannot stat '/var/lib/etcd/member/wal/1.tmp': No such file or directory",
                Some("etcd-copy"),
            ),
            (
                "nodes \"cp2\" is forbidden: User \"kubernetes-admin\" cannot get resource \"nodes\" in API group \"\"",
                Some("just-started"),
            ),
            (
                "[ERROR CreateJob]: Job \"upgrade-health-check-x\" did not complete in 15s",
                Some("upgrade-job"),
            ),
            ("write /etc/kubernetes/tmp/x: no space left on device\nwas rolled back", Some("disk-full")),
            ("all is well", None),
            ("", None),
        ] {
            assert_eq!(id(text), known, "{text}");
        }
    }

    #[test]
    fn each_has_a_name_of_its_own_and_says_what_is_next() {
        let mut ids: Vec<&str> = catalog().failures.iter().map(|failure| failure.id.as_str()).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
        for failure in &catalog().failures {
            assert!(!failure.next.is_empty() && !failure.prints.is_empty(), "{}", failure.id);
            // Patterns are compared with a text in small letters, line by line.
            assert!(failure.prints.iter().all(|pattern| !pattern.contains('\n') && pattern.len() > 6));
        }
    }
}

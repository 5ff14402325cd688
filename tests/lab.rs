//! The lab itself: that its API servers are real, its users have the rights they are said to have, and its audit log
//! sees a write, so that other tests may trust it when it shows none.

#[path = "support/lab.rs"]
mod lab;

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use lab::{Lab, Options};

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: written, namespace: team}";

#[test]
#[ignore = "lab"]
fn the_audit_log_sees_a_write_and_a_read_with_their_users() -> Result<()> {
    let lab = Lab::up(&Options::default())?;
    let inspector = lab.kubeconfig("inspector");
    let kubeconfig = inspector.to_str().context("a path in UTF-8")?;

    lab.kubectl_apply(CONFIG_MAP)?;
    lab.kubectl(["--kubeconfig", kubeconfig, "get", "pods", "-A"])?;

    let writes: Vec<_> =
        lab.requests_of("admin")?.into_iter().filter(|event| !event.is_plain_read()).collect();
    assert_eq!(writes.len(), 1, "{writes:?}");
    let object = writes[0].object_ref.clone().context("a write to an object")?;
    assert_eq!((writes[0].verb.as_str(), object.resource.as_str()), ("create", "configmaps"));

    let reads = lab.requests_of("inspector")?;
    assert!(reads.iter().all(lab::AuditEvent::is_plain_read), "{reads:?}");
    assert!(reads.iter().any(|event| event.verb == "list" && event.request_uri.starts_with("/api/v1/pods")));

    // Refused by the server, and yet in the log: a forbidden request that leaves kubelift would be seen.
    let refused = lab.kubectl(["--kubeconfig", kubeconfig, "create", "configmap", "no", "-n", "team"]);
    assert!(refused.is_err_and(|error| error.to_string().contains("forbidden")));
    let tried = lab.requests_of("inspector")?.into_iter().filter(|event| !event.is_plain_read()).count();
    assert_eq!(tried, 1);
    Ok(())
}

#[test]
#[ignore = "lab"]
fn servers_publish_themselves_and_stop_and_start_one_by_one() -> Result<()> {
    let lab = Lab::up(&Options { servers: 2, ..Options::default() })?;
    let addresses = || -> Result<BTreeSet<String>> {
        let arguments = ["get", "endpointslice", "kubernetes", "-o", "jsonpath={.endpoints[*].addresses[*]}"];
        Ok(lab.kubectl(arguments)?.split_whitespace().map(str::to_owned).collect())
    };
    let both: BTreeSet<String> = ["10.88.0.11".to_owned(), "10.88.0.12".to_owned()].into();
    assert_eq!(addresses()?, both);
    let leases = lab.kubectl([
        "-n",
        "kube-system",
        "get",
        "leases",
        "-l",
        "apiserver.kubernetes.io/identity=kube-apiserver",
        "-o",
        r#"jsonpath={.items[*].metadata.labels['kubernetes\.io/hostname']}"#,
    ])?;
    let hosts: BTreeSet<&str> = leases.split_whitespace().collect();
    assert_eq!(hosts, ["cp1", "cp2"].into());

    lab.stop_server(2)?;
    assert!(!addresses()?.contains("10.88.0.12"));
    lab.kill_server(1)?;
    assert!(lab.kubectl(["get", "namespaces"]).is_err());
    lab.start_server(1)?;
    lab.start_server(2)?;
    lab.kubectl(["get", "namespaces"])?;
    Ok(())
}

#[test]
#[ignore = "lab, go"]
fn seeding_makes_pods_that_run_on_nodes_that_are_ready() -> Result<()> {
    let lab = Lab::up(&Options::default())?;
    lab.seed(25, 3)?;
    let count = |kind: &str, field: &str, value: &str| -> Result<usize> {
        let path = format!("jsonpath={{.items[*].{field}}}");
        let fields = lab.kubectl(["get", kind, "-A", "-o", &path])?;
        Ok(fields.split_whitespace().filter(|word| *word == value).count())
    };
    assert_eq!(count("pods", "status.phase", "Running")?, 25);
    assert_eq!(count("pods", "metadata.ownerReferences[0].kind", "ReplicaSet")?, 25);
    assert_eq!(count("nodes", "status.conditions[?(@.type==\"Ready\")].status", "True")?, 3);
    assert_eq!(count("csinodes", "spec.drivers[0].name", "ebs.csi.aws.com")?, 3);
    // Once more: what exists is left as it is.
    lab.seed(25, 3)?;
    assert_eq!(count("pods", "status.phase", "Running")?, 25);
    Ok(())
}

/// What a user may do, asked of the server's own authorizer.
const RIGHTS: &[(&str, &[&str], bool)] = &[
    ("inspector", &["list", "pods", "-A"], true),
    ("inspector", &["watch", "csinodes.storage.k8s.io"], true),
    ("inspector", &["get", "configmaps/kubeadm-config", "-n", "kube-system"], true),
    ("inspector", &["get", "/metrics"], true),
    ("inspector", &["get", "/readyz/etcd"], true),
    ("inspector", &["list", "configmaps", "-n", "kube-system"], false),
    ("inspector", &["list", "secrets", "-A"], false),
    ("inspector", &["create", "pods"], false),
    ("inspector", &["get", "pods", "--subresource=exec"], false),
    ("inspector", &["create", "pods", "--subresource=eviction"], false),
    ("inspector", &["get", "nodes", "--subresource=proxy"], false),
    ("inspector", &["create", "selfsubjectaccessreviews.authorization.k8s.io"], true),
    ("partial", &["list", "nodes"], true),
    ("partial", &["list", "pods", "-A"], false),
    ("partial", &["list", "csinodes.storage.k8s.io"], false),
    ("namespaced", &["list", "pods", "-n", "team"], true),
    ("namespaced", &["list", "pods", "-n", "default"], false),
    ("namespaced", &["list", "nodes"], false),
    ("nobody", &["get", "/version"], true),
    ("nobody", &["get", "/metrics"], false),
    ("nobody", &["list", "pods", "-n", "team"], false),
];

#[test]
#[ignore = "lab"]
fn users_have_the_rights_they_are_said_to_have() -> Result<()> {
    let lab = Lab::up(&Options::default())?;
    for (user, question, expected) in RIGHTS {
        let arguments = ["auth", "can-i", "--as", user, "--as-group", "system:authenticated"];
        // The answer "no" is exit 1 as well.
        let said = match lab.kubectl(arguments.iter().chain(*question)) {
            Ok(answer) => answer.trim() == "yes",
            Err(error) if error.to_string().contains("exit status: 1") => false,
            Err(error) => return Err(error),
        };
        assert_eq!(said, *expected, "{user}: {question:?}");
    }
    Ok(())
}

/// What ships for whoever inspects a real cluster: plain reads of named kinds, and nothing that runs code.
#[test]
fn the_role_for_inspections_holds_only_plain_reads() -> Result<()> {
    let manifest =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/inspector-rbac.yaml"))?;
    let mut rules = 0;
    for document in manifest.split("\n---\n") {
        let role: serde_json::Value = serde_yaml::from_str(document)?;
        for rule in role["rules"].as_array().context("rules")? {
            rules += 1;
            let words = |key: &str| -> Vec<String> {
                let list = rule[key].as_array().into_iter().flatten();
                list.filter_map(|word| word.as_str().map(str::to_owned)).collect()
            };
            let reads = ["get", "list", "watch"];
            assert!(words("verbs").iter().all(|verb| reads.contains(&verb.as_str())), "{rule}");
            assert!(!words("apiGroups").contains(&"*".to_owned()), "{rule}");
            assert!(words("resources").iter().all(|name| !name.contains(['*', '/'])), "{rule}");
            assert!(!words("resources").contains(&"secrets".to_owned()), "{rule}");
            if words("resources").contains(&"configmaps".to_owned()) {
                assert!(!words("resourceNames").is_empty(), "{rule}");
            }
        }
    }
    assert!(rules > 2, "the manifest holds its rules: {rules}");
    Ok(())
}

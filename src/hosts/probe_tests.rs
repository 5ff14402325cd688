use super::*;

#[tokio::test]
async fn this_machine_answers() {
    let folder = tempfile::tempdir().unwrap();
    let nonce = "n-1 \"\\";
    let backups = folder.path().to_str().unwrap();
    let environment = [("KUBELIFT_ROOT", ""), ("KUBELIFT_NONCE", nonce), ("KUBELIFT_BACKUPS", backups)];
    let environment = environment.map(|(name, value)| (name, value.to_owned()));
    let answer = run(&LocalShell, environment.into()).await.unwrap();
    let facts = &answer.facts;
    assert_eq!(facts.nonce.as_deref(), Some(nonce));
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert_eq!(facts.boot_id.as_deref(), Some(boot_id.trim()));
    assert_eq!(facts.why_unread("probe"), None);
    let looked = &facts.backups.as_ref().unwrap().looked;
    assert_eq!(looked.len(), 1);
    assert_eq!(&*looked[0].path, backups);
    assert_eq!(looked[0].state, "read");
    assert_eq!(parse(answer.json.as_bytes()).unwrap(), answer.facts);
}

#[test]
fn what_is_not_a_document_of_the_probe_is_refused() {
    let error = |json: &str| parse(json.as_bytes()).unwrap_err().to_string();
    assert!(error("{}").contains("does not say"));
    assert!(error(r#"{"probe":"kubelift","schemaVersion":2}"#).contains("newer kubelift"));
    assert!(error(r#"{"probe":"kubelift","sch"#).contains("EOF"));
    assert!(error(r#"{"probe":"kubelift","disk":3}"#).contains("expected a sequence"));
    let large = vec![b' '; SIZE_LIMIT as usize + 1];
    assert!(matches!(parse(&large).unwrap_err(), DocumentError::TooLarge));
}

#[test]
fn names_are_those_that_the_probe_prints() {
    let facts = parse(
        br#"{"probe":"kubelift","schemaVersion":1,"tools":[{"name":"crictl","path":"/usr/bin/crictl","version":"1.30.1"}],
            "kubelet":{"config":{"sha256":"0a","modified":"2026-01-02T03:04:05Z","serverTLSBootstrap":true}},
            "runtime":{"images":["registry.k8s.io/pause:3.9"]},
            "packages":{"locked":true,"lockedBy":"dpkg (7), /var/lib/dpkg/lock",
                "repositories":[{"uri":"x","signedBy":["/k.gpg"],"trusted":true}]}}"#,
    )
    .unwrap();
    let config = facts.kubelet.unwrap().config.unwrap();
    assert_eq!(config.modified, Some("2026-01-02T03:04:05Z".parse().unwrap()));
    assert_eq!((config.sha256.as_deref(), config.server_tls_bootstrap), (Some("0a"), Some(true)));
    assert_eq!(facts.runtime.unwrap().images.unwrap()[0], "registry.k8s.io/pause:3.9");
    let packages = facts.packages.unwrap();
    assert_eq!(
        (packages.locked, packages.locked_by.as_deref()),
        (Some(true), Some("dpkg (7), /var/lib/dpkg/lock"))
    );
    let repository = &packages.repositories[0];
    assert_eq!((repository.signed_by.as_ref().unwrap().len(), repository.trusted), (1, Some(true)));
    assert_eq!(facts.tools.unwrap()[0].path, "/usr/bin/crictl");
}

#[test]
fn unknown_fields_and_missing_ones_are_no_error() {
    let facts = parse(br#"{"probe":"kubelift","schemaVersion":1,"new":{"a":[1]},"etcd":{"new":1}}"#).unwrap();
    assert_eq!(facts.etcd.unwrap().local, None);
    assert_eq!(facts.uid, None);
}

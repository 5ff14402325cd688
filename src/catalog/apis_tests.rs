//! Tests of the API rows and their look-ups.

use std::collections::BTreeSet;

use super::*;
use crate::catalog::tests::catalog;

const FIRST: Minor = Minor::new(1, 28);
const LAST: Minor = Minor::new(1, 37);

fn minor(minor: u32) -> Minor {
    Minor::new(1, minor)
}

fn is_stable(version: &str) -> bool {
    !version.contains("alpha") && !version.contains("beta")
}

/// A data file as it is on disk, before the catalog sorts it.
fn file(text: &str) -> Vec<Api> {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn rows_are_sorted_and_name_an_api_once() {
    for (name, text) in
        [("apis", include_str!("data/apis.yaml")), ("apis-gone", include_str!("data/apis-gone.yaml"))]
    {
        for pair in file(text).windows(2) {
            assert!(pair[0].key() < pair[1].key(), "{name}: {} before {}", pair[0], pair[1]);
        }
    }
    let resources: BTreeSet<_> =
        catalog().apis().iter().map(|api| (&api.group, &api.version, &api.resource)).collect();
    assert_eq!(resources.len(), catalog().apis().len(), "an API is in both files, or a plural is wrong");
}

#[test]
fn each_file_holds_what_it_says() {
    for api in file(include_str!("data/apis.yaml")) {
        assert!(api.first_not_serving.is_none_or(|gone| gone > FIRST), "{api} is gone before the catalog");
        assert!(api.first_not_serving.is_some() || api.deprecated.is_some(), "{api} has nothing to say");
    }
    for api in file(include_str!("data/apis-gone.yaml")) {
        assert!(api.first_not_serving.is_some_and(|gone| gone <= FIRST), "{api} is not gone");
        assert!(api.in_request_metric.is_empty(), "{api} cannot be asked for");
    }
}

#[test]
fn the_minors_of_a_row_agree_with_each_other() {
    for api in catalog().apis() {
        // The order of a life: introduced, then gone; never later than the tag announces.
        assert!(api.first_not_serving.is_none_or(|gone| api.introduced < gone), "{api}");
        assert!(api.deprecated.is_none_or(|deprecated| api.introduced <= deprecated), "{api}");
        match (api.first_not_serving, api.tagged_removal) {
            (Some(gone), Some(tagged)) => assert!(gone <= tagged, "{api} outlives its tag"),
            (None, tagged) => assert_eq!(tagged, None, "{api} has a tag and no removal"),
            (Some(gone), None) => assert!(gone <= LAST, "{api}: nothing announces its removal"),
        }
        // What has no type cannot be served.
        assert!(
            api.types_left.is_none_or(|left| api.first_not_serving.is_some_and(|gone| gone <= left)),
            "{api}"
        );
        // A gap of a metric: only while served, and only with a tag.
        for range in &api.in_request_metric {
            assert!(range.first >= FIRST && range.last <= LAST, "{api}: {range}");
            assert!(api.served_by(range.first) && api.served_by(range.last), "{api}: {range}");
            assert!(api.deprecated.is_some(), "{api} has no tag that the metric could tell");
        }
        // A stable version is never taken away.
        assert!(!is_stable(&api.version) || api.first_not_serving.is_none(), "{api}");
        assert!(api.note.as_ref().is_none_or(|note| note.ends_with('.')), "{api}: {:?}", api.note);
    }
}

#[test]
fn a_row_without_a_replacement_says_why_or_is_not_gone_yet() {
    for api in catalog().apis() {
        let gone = api.first_not_serving.is_some_and(|gone| gone <= LAST);
        assert!(!gone || !api.replacements.is_empty() || api.note.is_some(), "{api}");
        for new in &api.replacements {
            assert_ne!((&new.group, &new.version, &new.kind), (&api.group, &api.version, &api.kind));
        }
        // Most stable first: what follows is an earlier stage, and came earlier.
        for pair in api.replacements.windows(2) {
            assert!(pair[0].since > pair[1].since, "{api}: {} before {}", pair[0], pair[1]);
        }
    }
}

#[test]
fn a_replacement_that_has_a_row_of_its_own_came_when_that_row_says() {
    for api in catalog().apis() {
        for new in &api.replacements {
            if let Some(row) = catalog().api_of_kind(&new.group, &new.version, &new.kind) {
                assert_eq!(row.introduced, new.since, "{api}: {new}");
            }
        }
    }
}

#[test]
fn nothing_that_is_served_by_default_goes_away_but_flowcontrol() {
    let by_default: Vec<(Minor, String)> = catalog()
        .apis()
        .iter()
        .filter(|api| api.served_by_default)
        .filter_map(|api| Some((api.first_not_serving.filter(|gone| *gone > FIRST)?, api.to_string())))
        .collect();
    let expected = [(minor(29), "v1beta2"), (minor(32), "v1beta3")].into_iter().flat_map(|(at, version)| {
        ["FlowSchema", "PriorityLevelConfiguration"]
            .map(|kind| (at, format!("flowcontrol.apiserver.k8s.io/{version} {kind}")))
    });
    assert_eq!(by_default, expected.collect::<Vec<_>>());
}

#[test]
fn what_goes_in_1_31_is_what_its_servers_do_not_register() {
    let expected = [
        // Two minors before their tags say so.
        "networking.k8s.io/v1alpha1 IPAddress",
        "networking.k8s.io/v1alpha1 ServiceCIDR",
        "resource.k8s.io/v1alpha2 PodSchedulingContext",
        "resource.k8s.io/v1alpha2 ResourceClaim",
        "resource.k8s.io/v1alpha2 ResourceClaimParameters",
        "resource.k8s.io/v1alpha2 ResourceClaimTemplate",
        "resource.k8s.io/v1alpha2 ResourceClass",
        "resource.k8s.io/v1alpha2 ResourceClassParameters",
        "resource.k8s.io/v1alpha2 ResourceSlice",
    ];
    let going = catalog().apis().iter().filter(|api| api.first_not_serving == Some(minor(31)));
    assert_eq!(going.map(Api::to_string).collect::<BTreeSet<_>>(), expected.map(str::to_owned).into());
    let gone = |group, version, resource| catalog().first_not_serving(group, version, resource);
    assert_eq!(gone("flowcontrol.apiserver.k8s.io", "v1beta3", "flowschemas"), Some(minor(32)));
    assert_eq!(gone("coordination.k8s.io", "v1alpha1", "leasecandidates"), Some(minor(32)));
    assert_eq!(gone("storagemigration.k8s.io", "v1alpha1", "storageversionmigrations"), Some(minor(35)));
    assert_eq!(gone("", "v1", "endpoints"), None);
    assert_eq!(gone("apps", "v1", "deployments"), None);
}

#[test]
fn the_metric_tells_only_what_is_tagged_in_that_minor() {
    let reported = |group, version, resource| {
        let api = catalog().api(group, version, resource).unwrap();
        (28..=37).filter(|m| api.reported_by(minor(*m))).collect::<Vec<_>>()
    };
    assert_eq!(reported("flowcontrol.apiserver.k8s.io", "v1beta3", "flowschemas"), [29, 30, 31]);
    assert_eq!(reported("", "v1", "endpoints"), [33, 34, 35, 36, 37]);
    // No tags at all; none until 1.32; gone before the minor of the tag.
    assert_eq!(reported("resource.k8s.io", "v1alpha2", "resourceclaims"), [0; 0]);
    assert_eq!(reported("admissionregistration.k8s.io", "v1alpha1", "validatingadmissionpolicies"), [0; 0]);
    assert_eq!(reported("coordination.k8s.io", "v1alpha1", "leasecandidates"), [0; 0]);
    // The tag was moved on, so that 1.32 and 1.33 do not call it deprecated.
    assert_eq!(reported("certificates.k8s.io", "v1alpha1", "clustertrustbundles"), [29, 30, 31, 34, 35, 36]);
}

#[test]
fn a_replacement_is_one_that_all_asked_minors_serve() {
    let replacement = |group, version, resource, minors: &[u32]| {
        let minors: Vec<Minor> = minors.iter().copied().map(minor).collect();
        let api = catalog().api(group, version, resource).unwrap();
        catalog().replacement(api, &minors).map(ToString::to_string)
    };
    let flow = |minors| replacement("flowcontrol.apiserver.k8s.io", "v1beta2", "flowschemas", minors);
    assert_eq!(flow(&[28, 29]).as_deref(), Some("flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema"));
    assert_eq!(flow(&[29]).as_deref(), Some("flowcontrol.apiserver.k8s.io/v1 FlowSchema"));
    // 1.28 lacks v1, and 1.32 lacks v1beta3.
    assert_eq!(flow(&[28, 32]), None);
    let claims = |version, minors| replacement("resource.k8s.io", version, "resourceclaims", minors);
    assert_eq!(claims("v1alpha2", &[31]).as_deref(), Some("resource.k8s.io/v1alpha3 ResourceClaim"));
    assert_eq!(claims("v1alpha2", &[30, 31]), None);
    assert_eq!(claims("v1alpha3", &[33, 34]).as_deref(), Some("resource.k8s.io/v1beta2 ResourceClaim"));
    assert_eq!(claims("v1beta1", &[37, 38]).as_deref(), Some("resource.k8s.io/v1 ResourceClaim"));
}

#[test]
fn look_ups_by_resource_and_by_kind_find_the_same_row() {
    for api in catalog().apis() {
        let by_resource = catalog().api(&api.group, &api.version, &api.resource).unwrap();
        let by_kind = catalog().api_of_kind(&api.group, &api.version, &api.kind).unwrap();
        assert_eq!((by_resource.key(), by_kind.key()), (api.key(), api.key()));
    }
    assert!(catalog().api("apps", "v1", "deployments").is_none());
    assert!(catalog().api_of_kind("extensions", "v1beta1", "Ingress").is_some());
}

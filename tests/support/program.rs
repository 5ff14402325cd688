//! The built kubelift, run in a lab's network, and what it said.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]
#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::path::Path;
use std::process::{Output, Stdio};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;

use crate::lab::Lab;

/// What a run left behind.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    /// The exit code.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The report of `check -o json`, as docs/findings.schema.json describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) from: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) verdict: String,
    pub(crate) findings: Vec<Finding>,
    pub(crate) unread: Vec<Unread>,
    /// The exit code that came with it.
    #[serde(skip)]
    pub(crate) code: i32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Finding {
    pub(crate) code: String,
    pub(crate) check: String,
    pub(crate) severity: String,
    pub(crate) could_hide: Option<String>,
    #[serde(default)]
    pub(crate) subject: Subject,
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) evidence: Vec<Value>,
    pub(crate) remedy: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Subject {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) node: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Unread {
    pub(crate) verb: String,
    pub(crate) resource: String,
    pub(crate) namespace: Option<String>,
    pub(crate) of: Option<String>,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Finding {
    /// `blocker AppArmorValue shop/Deployment/web`: what a finding comes down to. A cluster's name is left out.
    pub(crate) fn line(&self) -> String {
        let Subject { kind, namespace, name, .. } = &self.subject;
        let name = if kind == "Cluster" { "" } else { name };
        let subject: Vec<&str> =
            [namespace.as_str(), kind, name].into_iter().filter(|part| !part.is_empty()).collect();
        format!("{} {} {}", self.severity, self.code, subject.join("/"))
    }
}

impl Report {
    /// A line for each finding that is no pass, sorted.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.findings.iter().filter(|finding| finding.severity != "pass").map(Finding::line).collect();
        lines.sort();
        lines
    }

    /// The lines of those that keep the cluster from being ready.
    pub(crate) fn obstacles(&self) -> Vec<String> {
        let hides = |finding: &&Finding| {
            finding.severity == "blocker" || finding.could_hide.as_deref() == Some("blocker")
        };
        let mut lines: Vec<String> = self.findings.iter().filter(hides).map(Finding::line).collect();
        lines.sort();
        lines
    }

    /// The findings with a code.
    pub(crate) fn of_code(&self, code: &str) -> Vec<&Finding> {
        self.findings.iter().filter(|finding| finding.code == code).collect()
    }

    /// The only finding with a code.
    pub(crate) fn only(&self, code: &str) -> Result<&Finding> {
        let found = self.of_code(code);
        ensure!(found.len() == 1, "{} findings {code} in {:#?}", found.len(), self.lines());
        Ok(found[0])
    }
}

impl Said {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The report in its standard output.
    pub(crate) fn report(&self) -> Result<Report> {
        let mut report: Report = serde_json::from_str(&self.stdout)
            .with_context(|| format!("exit {}: {}{}", self.code, self.stderr, self.stdout))?;
        report.code = self.code;
        Ok(report)
    }
}

/// The built program.
pub(crate) const KUBELIFT: &str = env!("CARGO_BIN_EXE_kubelift");

impl Lab {
    /// kubelift with these arguments, to its end. It has no terminal, and no kubeconfig but by its arguments.
    pub(crate) fn kubelift(&self, arguments: &[&str]) -> Result<Said> {
        Ok(Said::of(&self.run(KUBELIFT, arguments)?))
    }

    /// `kubelift check -o json` as a user, with further arguments.
    pub(crate) fn check(&self, user: &str, arguments: &[&str]) -> Result<Report> {
        self.check_raw(user, arguments)?.report()
    }

    /// The same, as it was said.
    pub(crate) fn check_raw(&self, user: &str, arguments: &[&str]) -> Result<Said> {
        let kubeconfig = self.kubeconfig(user);
        let mut all =
            vec!["check", "-o", "json", "--kubeconfig", kubeconfig.to_str().context("a path in UTF-8")?];
        all.extend(arguments);
        self.kubelift(&all)
    }

    /// The same with `--scope api`.
    pub(crate) fn check_api(&self, user: &str) -> Result<Report> {
        self.check(user, &["--scope", "api"])
    }
}

/// kubelift outside of any lab, where no cluster is to be met.
pub(crate) fn kubelift_offline(home: &Path, arguments: &[&str]) -> Result<Said> {
    let mut command = std::process::Command::new(KUBELIFT);
    command.args(arguments).env_remove("KUBECONFIG").env("HOME", home).stdin(Stdio::null());
    Ok(Said::of(&command.output().context(KUBELIFT)?))
}

/// A report without the moments at which its evidence was observed.
pub(crate) fn without_times(report: &str) -> Result<Value> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, _| key != "at" && key != "observedAt");
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(report).with_context(|| report.to_owned())?;
    strip(&mut value);
    Ok(value)
}

/// The payload of every frame of a recording; large ones are packed.
pub(crate) fn payloads(recording: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(recording).with_context(|| recording.display().to_string())?;
    let payload = |line| -> Result<Value> {
        let mut line: Value = serde_json::from_str(line).context("a line of JSON")?;
        match line["frame"]["packed"].as_str() {
            None => Ok(line["frame"]["payload"].take()),
            Some(packed) => Ok(serde_json::from_reader(GzDecoder::new(STANDARD.decode(packed)?.as_slice()))?),
        }
    };
    text.lines().map(payload).collect()
}

//! `signhere git status`: what is configured where.

use clap::Args;
use serde::Serialize;
use signhere_git::config::{GitConfig, Settings};

use super::{configured, failure, instance, setup};
use crate::commands::Context;
use crate::error::{CliError, ErrorFields};
use crate::output::style::{DIM, cross, paint, tick};
use crate::output::text::safe;
use crate::policy;
use crate::trust::Named;

/// Show how git signs here, and where each setting stands
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {}

/// A setting of git's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    key: &'static str,
    value: Option<String>,
    scope: Option<&'static str>,
    origin: Option<String>,
    /// Whether it says what setup writes.
    is_ours: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    version: u32,
    /// Whether git signs with this program.
    ready: bool,
    git: Option<String>,
    repository: Option<String>,
    settings: Vec<Shown>,
    committer: Option<String>,
    instance: Option<String>,
    trust_files: Vec<String>,
    ignored: Vec<String>,
    last_failure: Option<LastFailure>,
}

/// Why the last signature was not made.
#[derive(Serialize)]
struct LastFailure {
    at: String,
    folder: String,
    error: ErrorFields,
}

pub(crate) fn run(context: &Context, _: &StatusArgs) -> Result<(), CliError> {
    let config = configured::config()?;
    let report = Report::new(context, &config)?;
    if context.output.is_json() {
        return context.output.document(&report);
    }
    let width = report.settings.iter().map(|one| one.key.len()).max();
    let width = width.unwrap_or_default();
    for setting in &report.settings {
        let mark = if setting.is_ours { tick() } else { cross() };
        let value = setting.value.as_deref().unwrap_or("not set");
        let place = match (setting.scope, &setting.origin) {
            (Some(scope), Some(origin)) => format!("{scope}, {origin}"),
            _ => String::new(),
        };
        let (key, value, place) = (setting.key, safe(value), safe(&place));
        let place = paint(DIM, place);
        context
            .output
            .line(format_args!("{mark} {key:<width$}  {value}  {place}"))?;
    }
    let trust_files = match report.trust_files.is_empty() {
        true => "none: nobody has said whom to trust".to_owned(),
        false => report.trust_files.join(", "),
    };
    let instance = report.instance.as_deref().unwrap_or("none that is known");
    for (name, value) in [
        (
            "committer",
            report.committer.as_deref().unwrap_or("not set"),
        ),
        ("instance", instance),
        ("trust files", &trust_files),
    ] {
        let value = safe(value);
        context
            .output
            .line(format_args!("  {name:<width$}  {value}"))?;
    }
    if let Some(LastFailure { at, folder, error }) = &report.last_failure {
        let told = format!("{at} in {folder}: {} [{}]", error.message, error.code);
        let told = safe(&told);
        let name = "last failure";
        context
            .output
            .line(format_args!("  {name:<width$}  {told}"))?;
    }
    context.output.note(match report.ready {
        true => "\ngit signs commits here. Anything odd: signhere git doctor",
        false => "\ngit does not sign with signhere here: signhere git setup",
    });
    Ok(())
}

impl Report {
    fn new(context: &Context, config: &GitConfig) -> Result<Self, CliError> {
        let settings = Settings::read(config, &crate::env::var);
        let shown: Vec<_> = setup::wanted()
            .iter()
            .map(|(key, wanted)| shown(config, key, wanted))
            .collect();
        let says = |key: &str| shown.iter().any(|one| one.key == key && one.is_ours);
        let trust_file = settings.trust_file.as_ref();
        let trust_file = trust_file.map(|source| std::path::Path::new(&source.value));
        let trusted = policy::trusted(trust_file)?;
        let person = match (config.value("user.name"), config.value("user.email")) {
            (None, None) => None,
            (name, email) => Some(format!(
                "{} <{}>",
                name.unwrap_or_default(),
                email.unwrap_or_default()
            )),
        };
        let version = configured::version();
        Ok(Self {
            version: 1,
            ready: says("gpg.format") && says("gpg.x509.program"),
            git: version.map(|[major, minor]| format!("{major}.{minor}")),
            repository: configured::repository().map(|path| path.display().to_string()),
            committer: person,
            instance: name_of_instance(context, &settings),
            trust_files: trusted
                .files()
                .iter()
                .map(|file| file.label.clone())
                .collect(),
            ignored: settings.unused.into_iter().map(|one| one.name).collect(),
            settings: shown,
            last_failure: failure::last().and_then(|failure| {
                Some(LastFailure {
                    at: failure.at.to_string(),
                    folder: failure.folder.display().to_string(),
                    error: failure.error.fields()?,
                })
            }),
        })
    }
}

fn shown(config: &GitConfig, key: &'static str, wanted: &str) -> Shown {
    let found = config.find(key);
    let value = found.map(|entry| entry.value.clone().unwrap_or_else(|| "true".to_owned()));
    let is_ours = match key {
        "gpg.x509.program" => value.as_deref().is_some_and(setup::is_own),
        _ if wanted == "true" => config.truth(key) == Some(true),
        _ => value.as_deref() == Some(wanted),
    };
    Shown {
        key,
        value,
        scope: found.map(|entry| entry.scope.as_str()),
        origin: found.map(|entry| entry.origin.clone()),
        is_ours,
    }
}

/// The instance that the next signature is made on, as it is named; `None` where it is not known.
fn name_of_instance(context: &Context, settings: &Settings) -> Option<String> {
    let mut global = context.global.clone();
    if global.instance.is_none() {
        global.instance = settings.instance.as_ref().map(|named| named.value.clone());
    }
    let context = instance::named(&Context::new(global), settings).ok()?;
    Some(match Named::find(&context).ok()? {
        Named::Followed(name) => name,
        Named::Folder(folder) => folder.display().to_string(),
        Named::At(url) => url.to_string(),
    })
}

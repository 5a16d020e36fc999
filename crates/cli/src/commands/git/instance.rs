//! Which instance git's configuration names.

use signhere_git::config::{Settings, Source};
use signhere_sign::instance::Instance;

use crate::commands::Context;
use crate::config::Config;
use crate::error::CliError;
use crate::exit::Exit;
use crate::trust::{self, Followed};

/// The context with the instance that git's configuration names: by `signhere.instance`, or in gitsign's way, by the
/// URLs of its services. Those are never used as they are: nobody vouches for them but an instance that is trusted.
pub(crate) fn named(context: &Context, settings: &Settings) -> Result<Context, CliError> {
    let mut global = context.global.clone();
    let services = [&settings.authority, &settings.log, &settings.timestamps];
    let named: Vec<&Source> = services.into_iter().flatten().collect();
    if global.instance.is_none()
        && Config::load(global.config.as_deref())?.instance.is_none()
        && let Some(first) = named.first()
    {
        global.instance = Some(with_services(context, first, &named)?);
    }
    Ok(Context::new(global))
}

/// The name of the instance that has these services.
fn with_services(context: &Context, first: &Source, named: &[&Source]) -> Result<String, CliError> {
    for followed in Followed::all()? {
        let material = followed.material(true)?;
        let Some(signing_config) = &material.signing_config else {
            continue;
        };
        let instance = Instance::from_json(&material.trusted_root, signing_config)?;
        if has(&instance, named) {
            return Ok(followed.name);
        }
    }
    for (name, instance) in trust::folders(context)? {
        if has(&instance, named) {
            return Ok(name);
        }
    }
    Err(CliError::new(
        Exit::Trust,
        "SH-GIT-INSTANCE",
        format!(
            "{} names a service of no instance that is known",
            first.name
        ),
    )
    .found(&first.value)
    .mend(
        "signhere trust add-instance URL --fingerprint HEX, and git config signhere.instance NAME",
    ))
}

fn has(instance: &Instance, named: &[&Source]) -> bool {
    let config = &instance.signing_config;
    let services = [&config.ca_urls, &config.rekor_tlog_urls, &config.tsa_urls];
    let mut urls: Vec<&str> = services
        .into_iter()
        .flatten()
        .map(|s| bare(&s.url))
        .collect();
    urls.sort_unstable();
    let has = |source: &&Source| urls.binary_search(&bare(&source.value)).is_ok();
    named.iter().all(has)
}

fn bare(url: &str) -> &str {
    url.trim_end_matches('/')
}

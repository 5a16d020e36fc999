//! A new instance: its keys, its configuration, and what clients need to trust it.

use std::path::Path;

use signhere_pki::random::Random;
use signhere_pki::time::Time;

use crate::assembly::Documents;
use crate::config::{self, ConfigError, InstanceConfig, Written};
use crate::endpoints::Endpoints;
use crate::error::ServeError;
use crate::state::StateFolder;
use crate::state::files::{PUBLIC, write_durably};
use crate::state::keyring::{Founding, Keyring};
use crate::state::seal::Unlock;
use crate::trust;
use crate::tuf::Tuf;
use crate::witness;

/// What is decided when an instance is made.
#[derive(Debug, Clone)]
pub struct Setup {
    /// organizationName in its certificates.
    pub organization: String,
    /// What its configuration file says.
    pub config: Written,
    /// What will open its keys.
    pub unlock: Unlock,
}

/// An instance that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewInstance {
    /// 16 hexadecimal digits that name it.
    pub id: String,
    /// What clients reach it at.
    pub url: String,
    /// The development issuer, if it is on.
    pub issuer: Option<String>,
    /// The verifier key of its cosignatures, should it be a witness for others.
    pub witness: String,
    /// SHA-256 of `root.json` in hexadecimal: what clients pin.
    pub root_sha256: String,
}

impl Setup {
    /// The decisions of somebody who has none to make: the usual address, no development issuer.
    pub fn new(unlock: Unlock) -> Self {
        Self {
            organization: "signhere".to_owned(),
            config: Written::default(),
            unlock,
        }
    }

    /// Makes the instance in the folder `dir`, and the folder if there is none. After a crash, the instance is
    /// whole or is not there, and can be made again.
    ///
    /// # Errors
    /// [`ServeError`]: an instance is there already, the folder holds something else, or what was decided
    /// cannot be.
    pub fn make(
        &self,
        dir: &Path,
        now: Time,
        random: &dyn Random,
    ) -> Result<NewInstance, ServeError> {
        let (text, config) = self.instance_toml(dir)?;
        let folder = StateFolder::take(dir)?;
        let (_, made) = folder.make_keys(|keys| {
            write_durably(&dir.join(config::FILE), text.as_bytes(), PUBLIC)?;
            let founding = Founding {
                organization: &self.organization,
                host: config.public_host(),
            };
            let keyring = Keyring::create(keys, founding, &self.unlock, now, random)?;
            let id = keyring.manifest().id.clone();
            let endpoints = Endpoints::new(&config, &id);
            let told = trust::client_trust_config(&keyring, &endpoints, &config)?;
            let documents = Documents::new(&told);
            documents.write(dir)?;
            let tuf = Tuf::open(dir, &keyring, &documents.now().targets(), now)?;
            Ok(NewInstance {
                id,
                url: config.base(),
                issuer: config.services.oidc.then(|| endpoints.issuer()),
                witness: witness::vkey(&keyring)?,
                root_sha256: tuf.fingerprint(),
            })
        })?;
        Ok(made)
    }

    /// The configuration file, and what it says.
    fn instance_toml(&self, dir: &Path) -> Result<(String, InstanceConfig), ConfigError> {
        let (text, path) = (config::template(&self.config), dir.join(config::FILE));
        let config = InstanceConfig::parse(&text, &path, None);
        // The line that is wrong was never written: what is wrong came from the caller.
        let config = config.map_err(|error| ConfigError {
            place: None,
            ..error
        })?;
        Ok((text, config))
    }
}

#[cfg(test)]
mod tests;

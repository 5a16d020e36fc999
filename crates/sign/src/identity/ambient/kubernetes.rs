//! Kubernetes: a projected service account token. The one that every pod has is no use, for its
//! audience is the API server.

use std::{io::ErrorKind, path::Path};

use super::{AmbientProblem, Asked, EnvError, Secret, secret};

pub(super) const REMEDY: &str = "project a `serviceAccountToken` with `audience: sigstore` into \
     the pod at /var/run/sigstore/cosign/oidc-token, or name its path in \
     SIGNHERE_KUBERNETES_TOKEN_FILE";

const FILE_VARIABLE: &str = "SIGNHERE_KUBERNETES_TOKEN_FILE";

/// Where cosign looks too.
const USUAL_PATH: &str = "/var/run/sigstore/cosign/oidc-token";

/// A pod without a token of ours is not an error: most pods have none, and another provider may.
pub(super) fn ask(asked: &Asked<'_>) -> Result<Option<Secret>, AmbientProblem> {
    if let Some(path) = asked.env.var(FILE_VARIABLE).filter(|path| !path.is_empty()) {
        let contents = asked.env.read(Path::new(&path))?;
        return secret(contents).map(Some);
    }
    match asked.env.read(Path::new(USUAL_PATH)) {
        Ok(contents) => secret(contents).map(Some),
        Err(EnvError::File {
            kind: ErrorKind::NotFound | ErrorKind::NotADirectory,
            ..
        }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

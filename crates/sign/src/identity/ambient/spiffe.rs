//! SPIFFE: a JWT-SVID in a file, as spiffe-helper keeps one, or fetched from the Workload API.

mod protobuf;
#[cfg(test)]
mod tests;
mod workload;

use std::path::Path;

use super::{AmbientProblem, Asked, Secret, secret};
use workload::Endpoint;
pub use workload::WorkloadApiError;

pub(super) const REMEDY: &str = "register this workload with SPIRE and give it the agent's socket \
     (SPIFFE_ENDPOINT_SOCKET), or let spiffe-helper write a JWT-SVID for the audience `sigstore` \
     and name the file in SIGNHERE_SPIFFE_JWT_SVID";

const FILE_VARIABLE: &str = "SIGNHERE_SPIFFE_JWT_SVID";
const SOCKET_VARIABLE: &str = "SPIFFE_ENDPOINT_SOCKET";

/// The file goes first: naming it is a decision, while the socket's variable is often set for the
/// whole machine.
pub(super) async fn ask(asked: &Asked<'_>) -> Result<Option<Secret>, AmbientProblem> {
    if let Some(path) = asked.env.var(FILE_VARIABLE).filter(|path| !path.is_empty()) {
        let contents = asked.env.read(Path::new(&path))?;
        return secret(contents).map(Some);
    }
    let socket = asked.env.var(SOCKET_VARIABLE);
    let Some(address) = socket.filter(|address| !address.is_empty()) else {
        return Ok(None);
    };
    let endpoint = Endpoint::parse(&address).map_err(|detail| AmbientProblem::Variable {
        name: SOCKET_VARIABLE,
        detail: detail.to_owned(),
    })?;
    let fetched = workload::fetch_jwt_svid(&endpoint, asked.audience, asked.http.total_timeout());
    match fetched.await {
        Ok(token) => Ok(Some(token)),
        Err(problem) => Err(AmbientProblem::WorkloadApi { address, problem }),
    }
}

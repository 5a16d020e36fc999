//! The way to a running instance: the socket in its folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use signhere_serve::control::{Refused, SOCKET};

use crate::error::{CliError, shell_word};
use crate::exit::Exit;

/// How long an instance may take to do what it was asked.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer.
const ANSWER_LIMIT: usize = 4 << 20;

/// An instance that runs, as its operator talks to it.
pub(crate) struct Control {
    client: Client,
    socket: PathBuf,
}

impl Control {
    /// The instance that runs in `dir`; none if none does.
    pub(crate) async fn of(dir: &Path) -> Result<Option<Self>, CliError> {
        let socket = dir.join(SOCKET);
        // A socket without a listener was left by an instance that died.
        if tokio::net::UnixStream::connect(&socket).await.is_err() {
            return Ok(None);
        }
        let client = Client::builder()
            .unix_socket(socket.as_path())
            .no_proxy()
            // No TLS is spoken here: a machine without certificate authorities will do.
            .tls_certs_only([])
            .timeout(PATIENCE)
            .build()
            .map_err(|error| CliError::internal(&error))?;
        Ok(Some(Self { client, socket }))
    }

    /// What the instance answers to `request`.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<T, CliError> {
        let body = self.send(Method::POST, path, request).await?;
        serde_json::from_slice(&body).map_err(|_| self.unreadable())
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        request: &impl Serialize,
    ) -> Result<Vec<u8>, CliError> {
        let body = serde_json::to_vec(request).map_err(|error| CliError::internal(&error))?;
        let request = self
            .client
            .request(method, format!("http://localhost{path}"))
            .header("content-type", "application/json")
            .body(body);
        let mut response = request.send().await.map_err(|error| self.silent(&error))?;
        let mut answer = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.silent(&error))?
        {
            answer.extend_from_slice(&chunk);
            if answer.len() > ANSWER_LIMIT {
                return Err(self.unreadable());
            }
        }
        if response.status().is_success() {
            return Ok(answer);
        }
        let refused: Refused = serde_json::from_slice(&answer).map_err(|_| self.unreadable())?;
        Err(CliError::new(
            Exit::Failed,
            "SH-SERVE-REFUSED",
            format!("the running instance refused: {}", refused.message),
        ))
    }

    fn silent(&self, error: &reqwest::Error) -> CliError {
        let what = match error.is_timeout() {
            true => format!("did not answer within {} seconds", PATIENCE.as_secs()),
            false => "broke off".to_owned(),
        };
        CliError::new(
            Exit::Retry,
            "SH-SERVE-CONTROL",
            format!("the instance behind {} {what}", self.socket.display()),
        )
        .mend(format!(
            "signhere serve status {}",
            shell_word(
                &self
                    .socket
                    .parent()
                    .unwrap_or(&self.socket)
                    .display()
                    .to_string()
            )
        ))
    }

    fn unreadable(&self) -> CliError {
        CliError::new(
            Exit::Failed,
            "SH-SERVE-CONTROL",
            format!(
                "what answers behind {} is not an instance of this version",
                self.socket.display()
            ),
        )
        .mend("restart the instance with this signhere")
    }
}

//! Work on the workspace, where waiting for a disk stops nobody else. Must not know the work.

use super::{ApiError, App};
use crate::workspace::{Workspace, WorkspaceError};

pub(crate) async fn working<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&Workspace) -> Result<T, WorkspaceError> + Send + 'static,
) -> Result<T, ApiError> {
    let app = app.clone();
    let done = tokio::task::spawn_blocking(move || work(&app.workspace)).await;
    Ok(done.map_err(|_| ApiError::bug("the workspace"))??)
}

//! Rows on their way out in pieces: CSV, Arrow or Parquet, however many there are, in bounded memory.
//!
//! The engine writes a piece and waits until there is room for the next, so that it is never ahead of its reader by more
//! than a few pieces. Whoever drops an [`Export`] stops it, and so does the deadline, also when nobody takes pieces or looks
//! at the time: a peer that reads no more keeps no other from its turn. It must not know what was asked.

mod write;

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use datafusion::physical_plan::SendableRecordBatchStream;
use futures::{FutureExt, Stream, StreamExt};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::answer::Warning;
use crate::error::QueryError;
use crate::execute::{Abandoned, Cancelled, QueryEngine, outcome};
use crate::limits;
use crate::spec::Options;
use write::Writer;

/// The forms that rows may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Arrow,
    Parquet,
}

impl Format {
    pub const ALL: [Format; 3] = [Format::Csv, Format::Arrow, Format::Parquet];

    pub fn media_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv",
            Format::Arrow => "application/vnd.apache.arrow.stream",
            Format::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// Rows, and what they lack.
pub(crate) type Rows = (SendableRecordBatchStream, Vec<Warning>);

/// See the module. A stream of bytes; an error in it means that what came before is not whole.
#[derive(Debug)]
pub struct Export {
    pub format: Format,
    /// What the rows lack.
    pub warnings: Vec<Warning>,
    pieces: Outgoing<Vec<u8>>,
}

/// Pieces that the engine makes, a few ahead of whoever takes them.
#[derive(Debug)]
pub(crate) struct Outgoing<T> {
    first: Option<T>,
    pieces: Receiver<T>,
    task: Option<Abandoned<Result<(), QueryError>>>,
    deadline: Pin<Box<Sleep>>,
    seconds: u64,
    _cancelled: Cancelled,
}

impl QueryEngine {
    /// Starts to write rows. What goes wrong before the first piece is an ordinary error.
    pub(crate) async fn export(
        &self,
        options: &Options,
        format: Format,
        cancelled: Cancelled,
        rows: impl Future<Output = Result<Rows, QueryError>> + Send + 'static,
    ) -> Result<Export, QueryError> {
        let (warn, warned) = oneshot::channel();
        let pieces = self.outgoing(options, cancelled, |send| async move {
            let (rows, warnings) = rows.await?;
            let _gone = warn.send(warnings);
            write_all(format, rows, send).await
        });
        let pieces = pieces.await?;
        Ok(Export { format, warnings: warned.await.unwrap_or_default(), pieces })
    }

    /// Starts to make pieces, and waits for the first.
    pub(crate) async fn outgoing<T, F>(
        &self,
        options: &Options,
        cancelled: Cancelled,
        make: impl FnOnce(Sender<T>) -> F,
    ) -> Result<Outgoing<T>, QueryError>
    where
        T: Send + Unpin + 'static,
        F: Future<Output = Result<(), QueryError>> + Send + 'static,
    {
        let seconds = options.seconds()?;
        let end = Instant::now() + Duration::from_secs(seconds);
        let (send, pieces) = channel(limits::EXPORT_PIECES_MAX);
        let (making, stop) = (make(send), Cancelled::sharing(&cancelled));
        let task = Some(self.spawn(async move {
            let _stop = stop;
            timeout_at(end, making).await.unwrap_or_else(|_| Err(QueryError::deadline(seconds)))
        })?);
        let deadline = Box::pin(sleep_until(end));
        let mut outgoing = Outgoing { first: None, pieces, task, deadline, seconds, _cancelled: cancelled };
        outgoing.first = outgoing.next().await.transpose()?;
        Ok(outgoing)
    }
}

impl Stream for Export {
    type Item = Result<Vec<u8>, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pieces.poll_next_unpin(context)
    }
}

impl<T: Unpin> Stream for Outgoing<T> {
    type Item = Result<T, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if self.task.is_none() {
            return Poll::Ready(None);
        }
        if self.deadline.as_mut().poll(context).is_ready() {
            self.task = None;
            return Poll::Ready(Some(Err(QueryError::deadline(self.seconds))));
        }
        if let Some(piece) = ready!(self.pieces.poll_recv(context)) {
            return Poll::Ready(Some(Ok(piece)));
        }
        let Some(task) = self.task.as_mut() else { return Poll::Ready(None) };
        let ended = outcome(ready!(task.0.poll_unpin(context)));
        self.task = None;
        Poll::Ready(ended.err().map(Err))
    }
}

async fn write_all(format: Format, rows: SendableRecordBatchStream, send: Sender<Vec<u8>>) -> Result<(), QueryError> {
    let mut rows = pin!(rows);
    let mut writer = Writer::new(format, &rows.schema())?;
    while let Some(batch) = rows.next().await {
        writer.write(&batch?)?;
        if let Some(piece) = writer.take(limits::EXPORT_PIECE_BYTES)
            && send.send(piece).await.is_err()
        {
            return Ok(());
        }
    }
    let _gone = send.send(writer.finish()?).await;
    Ok(())
}

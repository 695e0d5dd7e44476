//! A few threads for blocking work, so that async executors do not block: this crate depends on no async runtime.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use futures_channel::oneshot;

type Task<S> = Box<dyn FnOnce(&mut S) + Send>;

/// Threads that take tasks from one queue, each with a state of its own.
pub(crate) struct Workers<S> {
    tasks: Option<mpsc::Sender<Task<S>>>,
    threads: Vec<JoinHandle<()>>,
}

impl<S: Send + 'static> Workers<S> {
    /// Starts one thread for every state.
    pub(crate) fn start(name: &str, states: impl IntoIterator<Item = S>) -> std::io::Result<Self> {
        let (tasks, queue) = mpsc::channel::<Task<S>>();
        let queue = Arc::new(Mutex::new(queue));
        let start_one = |mut state: S| {
            let queue = Arc::clone(&queue);
            let next = move || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            thread::Builder::new().name(name.into()).spawn(move || {
                while let Ok(task) = next() {
                    task(&mut state);
                }
            })
        };
        let threads = states.into_iter().map(start_one).collect::<Result<_, _>>()?;
        Ok(Self {
            tasks: Some(tasks),
            threads,
        })
    }

    /// Runs `work` on one of the threads. `None` where they have ended. Work whose caller stops waiting before its turn
    /// is skipped.
    pub(crate) fn run<T, F>(&self, work: F) -> impl Future<Output = Option<T>> + Send + use<T, F, S>
    where
        T: Send + 'static,
        F: FnOnce(&mut S) -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let task = move |state: &mut S| {
            if !reply.is_canceled() {
                let _ = reply.send(work(state));
            }
        };
        if let Some(tasks) = &self.tasks {
            let _ = tasks.send(Box::new(task));
        }
        async move { answer.await.ok() }
    }
}

impl<S> Drop for Workers<S> {
    fn drop(&mut self) {
        self.tasks = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

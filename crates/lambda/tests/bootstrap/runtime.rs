//! A Lambda Runtime API for one process, and a Slack.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// How long an answer may take on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(2);

/// A `bootstrap` that runs.
pub(crate) struct BootstrapProcess {
    child: Child,
    events: Sender<(String, Vec<u8>)>,
    answers: Receiver<Result<Value, Value>>,
    lines: Arc<Mutex<Vec<Value>>>,
    asked: usize,
}

impl BootstrapProcess {
    pub(crate) fn start(handler: &str, variables: &[(String, String)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (events, to_send) = channel();
        let (answered, answers) = channel();
        let (ready, is_ready) = channel();
        std::thread::spawn(move || serve(&listener, &to_send, &answered, &ready));
        let program =
            std::env::var("CHANCERY_BOOTSTRAP").unwrap_or_else(|_| env!("CARGO_BIN_EXE_bootstrap").to_owned());
        let mut child = Command::new(program)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", handler)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("_HANDLER", format!("{handler}.lambda_handler"))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (into, output) = (lines.clone(), child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
                into.lock().unwrap().push(line);
            }
        });
        is_ready.recv_timeout(TIMEOUT).unwrap();
        Self {
            child,
            events,
            answers,
            lines,
            asked: 0,
        }
    }

    /// Sends an event and waits for the answer, or the error.
    pub(crate) fn ask(&mut self, event: &Value) -> Result<Value, Value> {
        self.asked += 1;
        let id = format!("{}-{}", std::process::id(), self.asked);
        self.events.send((id, event.to_string().into_bytes())).unwrap();
        self.answers.recv_timeout(TIMEOUT).unwrap()
    }

    /// What it has written so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        // An answer may arrive before the lines that were written before it.
        std::thread::sleep(Duration::from_millis(100));
        self.lines.lock().unwrap().clone()
    }
}

impl Drop for BootstrapProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connections one after the other: the process has one event at a time.
fn serve(
    listener: &TcpListener,
    events: &Receiver<(String, Vec<u8>)>,
    answered: &Sender<Result<Value, Value>>,
    ready: &Sender<()>,
) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { return };
        let mut reader = BufReader::new(stream);
        while let Some(request) = Request::read(&mut reader) {
            let answer = if request.line.contains("/invocation/next") {
                let _ = ready.send(());
                let Ok((id, event)) = events.recv() else { return };
                next(&id, &event)
            } else {
                let body = serde_json::from_slice(&request.body).unwrap();
                let outcome = if request.line.contains("/response") {
                    Ok(body)
                } else {
                    Err(body)
                };
                let _ = answered.send(outcome);
                b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n".to_vec()
            };
            if reader.get_mut().write_all(&answer).is_err() {
                break;
            }
        }
    }
}

fn next(id: &str, event: &[u8]) -> Vec<u8> {
    let end = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_mins(1);
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\nLambda-Runtime-Deadline-Ms: {}\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-2:123456789012:function:f\r\n\
         Lambda-Runtime-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        end.as_millis(),
        event.len()
    )
    .into_bytes();
    answer.extend_from_slice(event);
    answer
}

struct Request {
    line: String,
    authorization: String,
    body: Vec<u8>,
}

impl Request {
    fn read(reader: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let (mut length, mut chunked, mut authorization) = (0, false, String::new());
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let header = header.trim();
            if header.is_empty() {
                break;
            }
            let (name, value) = header.split_once(':')?;
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().ok()?,
                "transfer-encoding" => chunked = true,
                "authorization" => value.trim().clone_into(&mut authorization),
                _ => {}
            }
        }
        let body = if chunked {
            read_chunks(reader)?
        } else {
            read_exact(reader, length)?
        };
        Some(Self {
            line,
            authorization,
            body,
        })
    }
}

fn read_exact(reader: &mut BufReader<TcpStream>, length: usize) -> Option<Vec<u8>> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn read_chunks(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        body.extend(read_exact(reader, length)?);
        read_exact(reader, 2)?;
        if length == 0 {
            return Some(body);
        }
    }
}

/// Takes every message.
pub(crate) struct Slack {
    pub(crate) url: String,
    posted: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Slack {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/api", listener.local_addr().unwrap());
        let posted = Arc::new(Mutex::new(Vec::new()));
        let into = posted.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                while let Some(request) = Request::read(&mut reader) {
                    assert!(
                        request.line.starts_with("POST /api/chat.postMessage "),
                        "{}",
                        request.line
                    );
                    let body = serde_json::from_slice(&request.body).unwrap();
                    into.lock().unwrap().push((request.authorization, body));
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";
                    reader.get_mut().write_all(answer).unwrap();
                }
            }
        });
        Self { url, posted }
    }

    pub(crate) fn posted(&self) -> Vec<(String, Value)> {
        self.posted.lock().unwrap().clone()
    }
}

// The lane protocol once more, written from its description and not from the Python code: what tests/conformance/lane
// proves about one implementation it can prove about any other. Slow and short; bytes stand as Latin-1 text until a signal
// is decoded.

const MAX_DIGITS = 19;
const MAX_LINE = 4096;
const MAX_SEGMENT = 4 * MAX_LINE;
const MAX_DEPTH = 64;
const REPORT_HEAD = "=== COLAB TRAIN REPORT ===";
const REPORT_KEYS = new Set(
  `objective_status first_failed_step root_cause head_commit python_version gpu_available audio_path audio_exists
  audio_size_bytes audio_is_lfs_pointer manifest_path manifest_exists manifest_entry_count training_status_path
  training_status_json checkpoint_path checkpoint_exists checkpoint_size_bytes checkpoint_sha256
  next_unblock_action`.split(/\s+/),
);

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const bytesOf = (latin1) => Buffer.from(latin1, "latin1");

function decoded(latin1) {
  try {
    return strict.decode(bytesOf(latin1));
  } catch {
    return null;
  }
}

// The segment of a line that counts: behind the last carriage return, and of that a bounded part.
function segmentOf(line) {
  return line.slice(line.lastIndexOf("\r") + 1).slice(0, MAX_SEGMENT + 1);
}

const withoutControls = (segment) => segment.replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, "");

const withoutBlanksAtEnd = (text) => text.replace(/[ \t]+$/, "");

function progressOf(rest) {
  const found = /^([0-9]+)[ \t]+([0-9]+)$/.exec(withoutBlanksAtEnd(rest));
  if (!found) return "progress-fields";
  if (found[1].length > MAX_DIGITS || found[2].length > MAX_DIGITS) return "number-too-long";
  if (BigInt(found[1]) > BigInt(found[2])) return "progress-range";
  return { type: "progress", current: Number(found[1]), total: Number(found[2]) };
}

function artifactOf(rest) {
  const trimmed = withoutBlanksAtEnd(rest);
  if (!trimmed) return "artifact-empty";
  const path = decoded(trimmed);
  if (path === null) return "encoding";
  return /[\x00-\x1f\x7f]/.test(path) ? "artifact-control" : { type: "artifact", path };
}

// JSON.parse says whether a text is JSON; this walk sees what it does not tell: repeated keys, depth, size of numbers.
function statsOf(rest) {
  const text = decoded(rest);
  if (text === null) return "encoding";
  const token = /"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s"[\]{}:,]+/g;
  const faults = new Set();
  const open = [];
  let parsable = text;
  let shift = 0;
  for (let found = token.exec(text); found; found = token.exec(text)) {
    const [word] = found;
    const isKey = word[0] === '"' && /^[ \t]*:/.test(text.slice(token.lastIndex));
    if (word === "{" || word === "[") open.push(new Set());
    else if (word === "}" || word === "]") open.pop();
    else if (word === "NaN" || word === "Infinity" || word === "-Infinity") {
      faults.add("stats-not-finite");
      parsable = parsable.slice(0, found.index + shift) + "0" + parsable.slice(found.index + shift + word.length);
      shift += 1 - word.length;
    } else if (/^-?[0-9]+$/.test(word) && word.replace("-", "").length > MAX_DIGITS) faults.add("number-too-long");
    else if (/^-?[0-9]/.test(word) && !Number.isFinite(Number(word)) && !/^-?[0-9]+$/.test(word)) {
      faults.add("stats-not-finite");
    } else if (word[0] === '"') {
      let string;
      try {
        string = JSON.parse(word);
      } catch {
        return "stats-syntax";
      }
      if (!string.isWellFormed()) faults.add("encoding");
      if (isKey && open.length) {
        const keys = open[open.length - 1];
        if (keys.has(string)) faults.add("stats-duplicate-key");
        keys.add(string);
      }
    }
    if (open.length > MAX_DEPTH) return "stats-depth";
  }
  let values;
  try {
    values = JSON.parse(parsable);
  } catch {
    return "stats-syntax";
  }
  if (values === null || typeof values !== "object" || Array.isArray(values)) return "stats-not-object";
  for (const reason of ["stats-duplicate-key", "stats-not-finite", "number-too-long", "encoding"]) {
    if (faults.has(reason)) return reason;
  }
  return { type: "stats", values };
}

const READERS = { PROGRESS: progressOf, STATS: statsOf, ARTIFACT: artifactOf };

function signalOf(segment, line) {
  const text = withoutControls(segment);
  const found = /^(PROGRESS|STATS|ARTIFACT)[ \t]+/.exec(text);
  if (!found) return null;
  const tooLong = segment.length > MAX_SEGMENT || text.length > MAX_LINE;
  const signal = tooLong ? "line-too-long" : READERS[found[1]](text.slice(found[0].length));
  return typeof signal === "string" ? { type: "malformed", reason: signal, keyword: found[1], line } : signal;
}

function noticeOf(text) {
  const found = /^\[([A-Za-z0-9._-]+)\][ \t]+(status=[^ \t].*)$/s.exec(text);
  if (!found) return null;
  const fields = new Map();
  let key = "";
  for (const word of found[2].split(/[ \t]+/)) {
    const equals = word.indexOf("=");
    const name = word.slice(0, equals);
    if (equals >= 0 && !fields.has(name)) {
      key = name;
      fields.set(key, word.slice(equals + 1));
    } else fields.set(key, `${fields.get(key)} ${word}`);
  }
  return { type: "notice", tag: found[1], fields: Object.fromEntries(fields) };
}

export class LaneLog {
  #rest = "";
  #line = 0;
  #inReport = false;

  feed(bytes) {
    const lines = (this.#rest + bytes.toString("latin1")).split("\n");
    this.#rest = lines.pop();
    return lines
      .map((line) => this.#event(segmentOf(line.replace(/\r$/, "")), ++this.#line))
      .filter((event) => event !== null);
  }

  close() {
    const segment = segmentOf(this.#rest.replace(/\r$/, ""));
    const text = withoutControls(segment);
    const begins = ["PROGRESS ", "STATS ", "ARTIFACT "].some((prefix) => text !== "" && prefix.startsWith(text));
    if (!begins && this.#event(segment, 0) === null) return [];
    const keyword = /^(PROGRESS|STATS|ARTIFACT)[ \t]/.exec(text)?.[1] ?? "";
    return [{ type: "malformed", reason: "unterminated", keyword, line: this.#line + 1 }];
  }

  #event(segment, line) {
    const signal = signalOf(segment, line);
    if (signal) return signal;
    if (segment.length > MAX_SEGMENT || withoutControls(segment).length > MAX_LINE) return null;
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(withoutControls(segment))) return null;
    const text = lenient.decode(bytesOf(withoutBlanksAtEnd(withoutControls(segment))));
    if (text === REPORT_HEAD) {
      this.#inReport = true;
      return { type: "report-start" };
    }
    const found = this.#inReport && /^([a-z0-9_]+):(?:[ \t]+(.*))?$/s.exec(text);
    if (found && REPORT_KEYS.has(found[1])) return { type: "report-line", key: found[1], value: found[2] ?? "" };
    return noticeOf(text);
  }
}

// A model that `hnc aot --target=wasm32 --emit=header,shared` made, with an export of a table's row `x` and a preference `r`: its module is
// NAME.wasm, and its header NAME.h has the sizes and the columns.

async function load(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`there is no ${path}: ${answer.status}`);
  return answer;
}

// A table with a line of names; an object of texts per row.
export async function readTable(path) {
  const lines = (await (await load(path)).text()).split("\n").filter((line) => line.trim());
  const [names, ...rows] = lines.map((line) => line.split(",").map((field) => field.trim()));
  return rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])));
}

// The sizes that the header defines, without NAME_, and the columns of the export: { text, number } in the order of the structure.
function readHeader(header, name, exported) {
  const sizes = {};
  for (const [, macro, value] of header.matchAll(new RegExp(`#define ${name.toUpperCase()}_(\\w+) (\\d+)`, "g"))) sizes[macro] = Number(value);
  const structure = header.match(new RegExp(`typedef struct ${name}_${exported}_columns {([^}]*)}`));
  const members = structure ? structure[1].matchAll(/(double|const char \*) ?\w+; \/\* '(.*?)'/g) : [];
  return { sizes, columns: [...members].map(([, type, text]) => ({ text, number: type === "double" })) };
}

// Hands out the memory of the module behind its own.
class Memory {
  constructor(exports) {
    this.memory = exports.memory;
    this.end = exports.__heap_base.value;
  }
  take(bytes) {
    const start = (this.end + 63) & ~63;
    this.end = start + bytes;
    const lacking = this.end - this.memory.buffer.byteLength;
    if (lacking > 0) this.memory.grow(Math.ceil(lacking / 65536));
    return start;
  }
  floats(address, count) {
    return new Float32Array(this.memory.buffer, address, count);
  }
}

class Model {
  constructor(exports, name, exported, header) {
    const prefix = exported.toUpperCase();
    Object.assign(this, { exports, ...readHeader(header, name, exported), memory: new Memory(exports), rows: 0 });
    this.call = (what, ...given) => {
      const status = exports[`${name}_${what}`](...given);
      if (status) throw new Error(`${what} returned the status ${status}`);
    };
    this.exported = exported;
    this.width = this.sizes[`${prefix}_X_SIZE`];
    this.weights = this.memory.take(this.sizes.GENERATE_WEIGHTS_BYTES);
    this.workspace = this.memory.take(this.sizes.WORKSPACE_BYTES);
    this.preference = this.memory.take(4 * this.sizes.GENERATE_R_SIZE);
    this.result = this.memory.take(4);
  }

  // Encodes the rows, objects of texts, and keeps them.
  encode(rows) {
    const structure = this.memory.take(8 * this.columns.length);
    const texts = this.columns.map(() => this.memory.take(256));
    this.rows = rows.length;
    this.x = this.memory.take(4 * this.width * rows.length);
    const view = new DataView(this.memory.memory.buffer);
    const bytes = new Uint8Array(this.memory.memory.buffer);
    rows.forEach((row, r) => {
      let at = structure;
      this.columns.forEach(({ text, number }, c) => {
        if (number) {
          at = (at + 7) & ~7;
          view.setFloat64(at, row[text] === "" ? NaN : Number(row[text]), true);
          at += 8;
        } else {
          const { written } = new TextEncoder().encodeInto(row[text], bytes.subarray(texts[c], texts[c] + 255));
          bytes[texts[c] + written] = 0;
          view.setUint32(at, texts[c], true);
          at += 4;
        }
      });
      this.call(`${this.exported}_encode`, structure, this.x + 4 * this.width * r);
    });
  }

  // The score of every row under the preference: generates the weights once.
  scores(preference) {
    this.memory.floats(this.preference, preference.length).set(preference);
    this.call("generate", this.preference, this.weights, this.workspace);
    const scores = new Float32Array(this.rows);
    const result = this.memory.floats(this.result, 1);
    for (let r = 0; r < this.rows; r++) {
      this.call(`${this.exported}_with`, this.weights, this.x + 4 * this.width * r, this.result, this.workspace);
      scores[r] = result[0];
    }
    return scores;
  }
}

export async function loadModel(name, exported) {
  const [code, header] = await Promise.all([load(`${name}.wasm`).then((answer) => answer.arrayBuffer()), load(`${name}.h`).then((answer) => answer.text())]);
  const { instance } = await WebAssembly.instantiate(code, {});
  return new Model(instance.exports, name, exported, header);
}

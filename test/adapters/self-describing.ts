/** Pages that anybody can check: what is in them follows from their address, `/<number>/<bytes>`. */

export function pageAt(target: string): Buffer {
  const [, name = "", bytes = "0"] = target.split("/");
  return Buffer.alloc(Number(bytes), `page ${name} of ${bytes} bytes. `);
}

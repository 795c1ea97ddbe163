/**
 * Gives requests and responses a shape that others have too.
 * V8 compiles code for the shapes of objects it has met. Express changes the prototype of every request and response
 * and then adds properties to them. Before V8 13 (Node 24) an object whose prototype was changed gets its own shape
 * with each property that is added: to every line that touches it, it is unlike all before it. An object from which a
 * property was deleted keeps its properties in a table, and such objects share their shape again. (V8 finds these
 * shapes in 64 places; in one process of 64 the two of an application fall into the same one, and nothing is gained.)
 */
const LOSES_SHAPE = Number.parseInt(process.versions.v8, 10) < 13;
const PASSING = Symbol("diskcache.passing");

/**
 * Called once for each request, as early as possible. Changes nothing observable, and nothing at all for an object that
 * has kept its shape.
 */
export function shareShape(req: object, res: object): void {
  if (!LOSES_SHAPE) return;
  shareOne(req);
  shareOne(res);
}

function shareOne(object: { [PASSING]?: undefined }): void {
  object[PASSING] = undefined;
  delete object[PASSING];
}

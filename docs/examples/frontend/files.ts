import { type Api, dataOf, everyRow } from "./client.js";
import type { components } from "./schema.js";

type Image = components["schemas"]["ImageDetail"];
type ImageType = components["schemas"]["ImageTypeEnum"];
export type Change = components["schemas"]["ImportResult"];
type Import = components["schemas"]["Import"];

/** A body of multipart/form-data. OpenAPI describes files as strings, so it has no type of its own. */
function form(members: Record<string, string | File>) {
  const body = new FormData();
  for (const [name, value] of Object.entries(members)) body.append(name, value);
  return { body: body as never, bodySerializer: () => body };
}

/** Sends the picture to the bucket if there is one, else through the API. */
export async function addImage(api: Api, product: number, file: File, alt: string): Promise<Image> {
  const address = { params: { path: { product } } };
  const upload = await api.POST("/api/v1/products/images/uploads/", {
    body: { content_type: file.type as ImageType, size: file.size },
  });
  if (upload.error?.code === "direct_uploads_unavailable") {
    return dataOf(await api.POST("/api/v1/products/{product}/images/", { ...address, ...form({ file, alt }) }));
  }
  const { id, url, method, headers } = dataOf(upload);
  const sent = await fetch(url, { method, headers, body: file });
  if (!sent.ok) throw new Error(`The bucket has refused the picture: ${sent.status}`);
  return dataOf(await api.POST("/api/v1/products/{product}/images/", { ...address, body: { upload: id, alt } }));
}

/** Imports a catalogue file, or with `dry_run` only says what would happen; calls `onProgress` until it is finished. */
export async function importFile(
  api: Api,
  file: File,
  options: { location?: string; dry_run?: "true" },
  onProgress: (job: Import) => void,
): Promise<Import> {
  let job = dataOf(await api.POST("/api/v1/products/imports/", form({ file, ...options })));
  while (job.status === "pending" || job.status === "running") {
    onProgress(job);
    await new Promise((resolve) => setTimeout(resolve, 500));
    job = dataOf(await api.GET("/api/v1/products/imports/{id}/", { params: { path: { id: job.id } } }));
  }
  if (job.status === "failed") throw new Error(job.error);
  return job;
}

/** What became of each product of the file, or with `dry_run` would become of it. */
export function changesOf(api: Api, job: Import): AsyncGenerator<Change> {
  return everyRow(async (page) =>
    dataOf(
      await api.GET("/api/v1/products/imports/{id}/changes/", { params: { path: { id: job.id }, query: page } }),
    ),
  );
}

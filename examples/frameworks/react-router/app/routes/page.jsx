export function loader({ params }) {
  return { id: params.id };
}

export default function Page({ loaderData }) {
  return (
    <main>
      <h1>Page {loaderData.id}</h1>
      {Array.from({ length: 200 }, (_, line) => (
        <p key={line}>A line of text.</p>
      ))}
    </main>
  );
}
